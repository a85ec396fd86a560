import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type Duplex, duplexPair } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { atOnce, get, later, until } from '../node/specs/servers.js'
import { drainingInEachTest, never, post, stallTimeout } from './specs/draining.js'

const { served, stalled, begin } = drainingInEachTest()

test('a drain without connections has ended', async () => {
  await begin().ended
  expect(vi.getTimerCount()).toBe(0)
})

describe('an idle connection', () => {
  test('is kept; its next response says Connection: close and ends it', async () => {
    const one = await served.client(await served.listen(createServer(atOnce)), get, 'idle')
    const { ended } = begin()
    vi.advanceTimersByTime(10 * stallTimeout)
    await turn()
    expect(served.connections.size).toBe(1)
    one.text = ''
    one.socket.write(get)
    await ended
    await once(one.socket, 'close')
    expect(one.text).toMatch(/^HTTP\/1.1 200 OK\r\n/)
    expect(one.text.match(/^connection: .*$/gim)).toEqual(['Connection: close'])
    expect(stalled).toEqual([])
  })

  test("is ended by Node's keep-alive timeout", async () => {
    const one = await served.client(
      await served.listen(createServer({ keepAliveTimeout: 1 }, atOnce)),
      get,
      'idle',
    )
    await Promise.all([begin().ended, once(one.socket, 'close')])
    expect(stalled).toEqual([])
  })

  test('is ended after the stall timeout where keepAliveTimeout is 0', async () => {
    const one = await served.client(
      await served.listen(createServer({ keepAliveTimeout: 0 }, atOnce)),
      get,
      'idle',
    )
    const { ended } = begin()
    vi.advanceTimersByTime(stallTimeout)
    await Promise.all([ended, once(one.socket, 'close')])
    expect(stalled).toEqual(['idle connection'])
  })
})

describe('where idle connections have a grace', () => {
  const grace = 1_000
  const keptAlive = (): Server => createServer({ keepAliveTimeout: 60_000 }, atOnce)

  test.each([
    ['idle', get],
    ['silent', ''],
  ] as const)('one that is %s ends after it, and not before', async (kind, text) => {
    const one = await served.client(await served.listen(keptAlive()), text, kind)
    const draining = begin()
    draining.shorten(grace, 10 * grace)
    vi.advanceTimersByTime(grace - 1)
    await turn()
    expect(served.connections.size).toBe(1)
    vi.advanceTimersByTime(grace / 4 + 2)
    await Promise.all([draining.ended, once(one.socket, 'close')])
    expect(stalled).toEqual([])
    expect(draining.counts).toEqual({ moved: 0, drained: 1, cut: 0 })
  })

  test('a request that comes within it is answered, with Connection: close', async () => {
    const one = await served.client(await served.listen(keptAlive()), get, 'idle')
    const draining = begin()
    draining.shorten(grace, 10 * grace)
    vi.advanceTimersByTime(grace - 1)
    one.text = ''
    one.socket.write(get)
    await draining.ended
    await once(one.socket, 'close')
    expect(one.text).toMatch(/Connection: close\r\n(.*\r\n)*\r\n/)
  })

  test('a request that takes longer is answered; its connection ends then', async () => {
    const { app, responses } = later()
    const server = createServer({ keepAliveTimeout: 60_000 }, app)
    const one = await served.client(await served.listen(server), get, 'active')
    // Its head is out, and says keep-alive.
    responses[0]?.writeHead(200, { 'Content-Length': 4 }).write('ha')
    const draining = begin()
    draining.shorten(grace, 10 * grace)
    vi.advanceTimersByTime(10 * grace)
    await turn()
    expect(served.connections.size).toBe(1)
    responses[0]?.end('lf')
    await until(() => one.text.endsWith('half'))
    await served.untilKinds('idle')
    vi.advanceTimersByTime(grace)
    await Promise.all([draining.ended, once(one.socket, 'close')])
  })

  test('half a request has the time of one that stalls', async () => {
    await served.client(await served.listen(keptAlive()), get.slice(0, 9), 'partial')
    const draining = begin()
    draining.shorten(grace, 10 * grace)
    vi.advanceTimersByTime(stallTimeout - 1)
    await turn()
    expect(served.connections.size).toBe(1)
    vi.advanceTimersByTime(grace)
    await draining.ended
    expect(stalled).toEqual(['partial connection'])
  })
})

describe('a stream that was emitted as a connection', () => {
  async function inject(app: RequestListener): Promise<Duplex> {
    const server = createServer(app)
    await served.listen(server)
    const [client, end] = duplexPair()
    server.emit('connection', end)
    return client.setEncoding('utf8')
  }

  test('holds a drain until it is answered, and is told to close', async () => {
    const { app, responses } = later()
    const client = await inject(app)
    client.write(get)
    await until(() => responses.length === 1)
    const draining = begin()
    vi.advanceTimersByTime(10 * stallTimeout)
    await turn()
    expect([served.connections.size, stalled]).toEqual([1, []])
    responses[0]?.end('x')
    const [answer] = (await once(client, 'data')) as [string]
    expect(answer).toContain('Connection: close')
    // A stream of both ways is closed when both are.
    client.end()
    await draining.ended
  })

  test.each([
    ['', 'silent', false],
    [get.slice(0, 9), 'partial', true],
    [get, 'idle', false],
  ] as const)('%j: %s; the hammer ends it', async (text, kind, unfinished) => {
    const client = await inject(atOnce)
    if (text) client.write(text)
    await served.untilKinds(kind)
    const draining = begin()
    vi.advanceTimersByTime(10 * stallTimeout)
    expect(draining.hammer()).toEqual({ requests: [], connections: 1, unfinished })
    await draining.ended
  })
})

describe('the hammer', () => {
  test('cuts everything, and lists each request with method, url and age', async () => {
    const port = await served.listen(createServer(never))
    await served.client(port, get.replace('/', '/report?a=1'), 'active')
    vi.advanceTimersByTime(1_200)
    await served.client(port, post, 'active')
    await served.client(port, '', 'silent')
    const one = begin()
    vi.advanceTimersByTime(300)
    expect(one.hammer()).toEqual({
      requests: ['GET /report?a=1, 1.5 s old', 'POST /upload, 0.3 s old'],
      connections: 3,
      unfinished: true,
    })
    await one.ended
  })

  test.each([
    ['', 'silent', false],
    [get, 'idle', false],
    [get.slice(0, 9), 'partial', true],
  ] as const)('%j: %s, unfinished %s', async (text, kind, unfinished) => {
    await served.client(await served.listen(createServer(atOnce)), text, kind)
    expect(begin().hammer()).toEqual({ requests: [], connections: 1, unfinished })
  })
})

test('a drain that is taken back ends nobody, and says no farewell', async () => {
  const port = await served.listen(createServer(atOnce))
  const one = await served.client(port, get, 'idle')
  await served.client(port, '', 'silent')
  begin().cancel()
  vi.advanceTimersByTime(10 * stallTimeout)
  one.text = ''
  one.socket.write(get)
  await once(one.socket, 'data')
  expect(one.text).toContain('Connection: keep-alive')
  expect([served.connections.size, stalled]).toEqual([2, []])
})

describe('what became of the connections', () => {
  test('those that ended, and those that were cut', async () => {
    const port = await served.listen(createServer({ keepAliveTimeout: 0 }, atOnce))
    const clients = [await served.client(port, get, 'idle'), await served.client(port, get, 'idle')]
    const draining = begin()
    expect(draining.counts).toEqual({ moved: 0, drained: 0, cut: 0 })
    clients[0]?.socket.destroy()
    await until(() => served.connections.size === 1)
    expect(draining.counts).toEqual({ moved: 0, drained: 1, cut: 0 })
    draining.hammer()
    await draining.ended
    expect(draining.counts).toEqual({ moved: 0, drained: 1, cut: 1 })
  })

  test('those that moved: what moves them begins with the drain and ends with it', async () => {
    const port = await served.listen(createServer({ keepAliveTimeout: 0 }, atOnce))
    const { socket } = await served.client(port, get, 'idle')
    const migration = {
      moved: 0,
      walk: vi.fn(),
      takes: () => true,
      mayTake: () => true,
      onLeft: vi.fn(),
      cancel: vi.fn(),
    }
    const drain = begin(migration)
    expect([migration.walk.mock.calls.length, migration.cancel.mock.calls.length]).toEqual([1, 0])
    vi.advanceTimersByTime(1_000)
    expect(migration.walk).toHaveBeenCalledTimes(2)
    migration.moved++
    socket.destroy()
    await drain.ended
    expect(drain.counts).toEqual({ moved: 1, drained: 0, cut: 0 })
    await until(() => migration.cancel.mock.calls.length > 0)
  })
})

test('says what it waits for: the oldest requests by name, the rest by number', async () => {
  const { app } = later()
  const server = createServer(app)
  server.on('upgrade', (_, socket) =>
    socket.on('error', () => {}).write('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
  )
  const port = await served.listen(server)
  for (let n = 0; n < 5; n++) {
    await served.client(port, get.replace('GET /', `GET /${n}`), 'active')
    vi.advanceTimersByTime(100)
  }
  await served.client(port, '', 'silent')
  const upgrade = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
  await served.client(port, upgrade, 'upgraded')
  expect(begin().holds).toEqual([
    'GET /0, 0.5 s old',
    'GET /1, 0.4 s old',
    'GET /2, 0.3 s old',
    '2 more requests',
    '1 upgraded connections',
    '1 idle connections',
  ])
})
