import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Connections, type Kind } from './connections.js'
import { Drain } from './drain.js'

const stallTimeout = 10_000
const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const post = 'POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n'

let connections = new Connections()
let drain: Drain | undefined
let cleanups: (() => void)[] = []
let stalled: string[] = []

beforeEach(() => {
  // Ours alone: sockets and Node's own timeouts go on in real time.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
  connections = new Connections()
  stalled = []
})

afterEach(() => {
  drain?.cancel()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
  for (const cleanup of cleanups) cleanup()
  cleanups = []
  connections.uninstall()
})

async function listen(server: Server): Promise<number> {
  connections.track(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(() => server.closeAllConnections())
  cleanups.push(() => server.close())
  return (server.address() as AddressInfo).port
}

class Client {
  text = ''
  readonly socket: Socket

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1').on('error', () => {})
    this.socket.on('data', (chunk) => {
      this.text += chunk
    })
    cleanups.push(() => this.socket.destroy())
  }
}

/** A client that has sent `text`, of which the server has made `kind`. */
async function client(port: number, text: string, kind: Kind): Promise<Client> {
  const { size } = connections
  const made = new Client(port)
  await until(() => connections.size > size)
  if (text) made.socket.write(text)
  await until(() => [...connections.kinds().values()].at(-1) === kind)
  return made
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn()
}

function begin(): Drain {
  drain = new Drain(connections, stallTimeout, (what) => stalled.push(what))
  return drain
}

const atOnce: RequestListener = (_, response) => void response.end('x')
const never: RequestListener = () => {}

test('a drain without connections has ended', async () => {
  await begin().ended
  expect(vi.getTimerCount()).toBe(0)
})

describe('an idle connection', () => {
  test('is kept; its next response says Connection: close and ends it', async () => {
    const one = await client(await listen(createServer(atOnce)), get, 'idle')
    const { ended } = begin()
    vi.advanceTimersByTime(10 * stallTimeout)
    await turn()
    expect(connections.size).toBe(1)
    one.text = ''
    one.socket.write(get)
    await ended
    await once(one.socket, 'close')
    expect(one.text).toMatch(/^HTTP\/1.1 200 OK\r\nConnection: close\r\n/)
    expect(stalled).toEqual([])
  })

  test("is ended by Node's keep-alive timeout", async () => {
    const one = await client(
      await listen(createServer({ keepAliveTimeout: 1 }, atOnce)),
      get,
      'idle',
    )
    await Promise.all([begin().ended, once(one.socket, 'close')])
    expect(stalled).toEqual([])
  })

  test('is ended after the stall timeout where keepAliveTimeout is 0', async () => {
    const one = await client(
      await listen(createServer({ keepAliveTimeout: 0 }, atOnce)),
      get,
      'idle',
    )
    const { ended } = begin()
    vi.advanceTimersByTime(stallTimeout)
    await Promise.all([ended, once(one.socket, 'close')])
    expect(stalled).toEqual(['idle connection'])
  })
})

describe('the hammer', () => {
  test('cuts everything, and lists each request with method, url and age', async () => {
    const port = await listen(createServer(never))
    await client(port, get.replace('/', '/report?a=1'), 'active')
    vi.advanceTimersByTime(1_200)
    await client(port, post, 'active')
    await client(port, '', 'silent')
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
    await client(await listen(createServer(atOnce)), text, kind)
    expect(begin().hammer()).toEqual({ requests: [], connections: 1, unfinished })
  })
})

test('a drain that is taken back ends nobody, and says no farewell', async () => {
  const port = await listen(createServer(atOnce))
  const one = await client(port, get, 'idle')
  await client(port, '', 'silent')
  begin().cancel()
  vi.advanceTimersByTime(10 * stallTimeout)
  one.text = ''
  one.socket.write(get)
  await once(one.socket, 'data')
  expect(one.text).toContain('Connection: keep-alive')
  expect([connections.size, stalled]).toEqual([2, []])
})
