// Responses go on in the next generation: neither their clients nor anything between notices.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startBlock } from './support/block.js'
import { Fleet } from './support/fleet.js'
import { get, Raw } from './support/raw.js'
import { fixture, Service, type StartOptions } from './support/service.js'
import { StreamClient } from './support/streams.js'

const script = fixture('responses.js')
const patient = { timeout: 15_000 }

const start = (framework = 'http', options: Partial<StartOptions> = {}): Promise<Service> =>
  Service.start({ script, args: [framework], ...options })

const openAll = (port: number, count: number, path?: string): Promise<StreamClient[]> =>
  Promise.all(Array.from({ length: count }, () => StreamClient.open(port, path)))

test.each(['http', 'express', 'koa', 'fastify'])(
  '%s: 50 streams over four upgrades: none ends, each event once',
  async (framework) => {
    await using service = await start(framework)
    const clients = await openAll(service.port(), 50, '/events?every=7')
    const pids = [service.pid]
    for (let n = 0; n < 4; n++) {
      const successor = await service.upgrade()
      pids.push(successor)
      await expect
        .poll(() => clients.every((one) => one.pids.at(-1) === successor), patient)
        .toBe(true)
    }
    for (const client of clients) {
      expect(client.faults).toEqual([])
      expect(client.servedBy).toEqual(pids)
    }
    // Nobody has left, neither by the response nor by the request.
    expect(service.all({ event: 'close' })).toEqual([])
    expect(service.all({ event: 'request close' })).toEqual([])
    expect(service.all({ event: 'gone' })).toHaveLength(200)
    const drains = service.all({ event: 'drain', phase: 'end' })
    expect(drains.map(({ moved, drained, cut }) => ({ moved, drained, cut }))).toEqual(
      Array(4).fill({ moved: 50, drained: 0, cut: 0 }),
    )
    for (const client of clients) client.end()
    await service.stop()
  },
)

test('an answer of a known length is the same, byte by byte, and its connection goes on', async () => {
  await using service = await start()
  const client = await Raw.open(service.port())
  client.write(get('/file'))
  const first = service.pid
  for (let n = 0; n < 3; n++) {
    const { length } = client.text
    await client.until((text) => text.length > length + 50)
    await service.upgrade()
  }
  const lines = Array.from({ length: 100 }, (_, n) => `line ${String(n).padStart(4)}\n`).join('')
  await client.until((text) => text.includes('line   99\n'))
  const [head = '', body] = client.text.split('\r\n\r\n')
  expect(body).toBe(lines)
  expect(head.split('\r\n')[0]).toBe('HTTP/1.1 200 OK')
  // What is known of the response is of no later request.
  client.text = ''
  client.write(get('/'))
  await client.until((text) => text.includes('}'))
  expect(client.text).toContain(JSON.stringify({ pid: service.current, carried: null }))
  expect(service.current).not.toBe(first)
  client.socket.destroy()
  await service.stop()
})

/** Whoever polls is answered; who has sent something before is read when this is answered. */
async function tell(service: Service, text: string): Promise<void> {
  const other = await Raw.open(service.port())
  other.write(get(`/say?text=${text}`).replace('GET', 'POST'))
  await other.until((answer) => answer.includes('}'))
  other.socket.destroy()
}

test('a request of which nothing is answered yet is asked again', async () => {
  await using service = await start()
  const client = await Raw.open(service.port())
  client.write(get('/poll'))
  await tell(service, 'nothing')
  await service.upgrade()
  const pid = await service.upgrade()
  await tell(service, 'now')
  await client.until((text) => text.includes('}'))
  expect(client.text).toContain(JSON.stringify({ asked: 3, pid }))
  expect(client.text.match(/HTTP\/1.1/g)).toHaveLength(1)
  client.socket.destroy()
  await service.stop()
})

test.each([
  ['two that may move, and one', ['/poll', '/poll', '/']],
  ['one that may move, and one', ['/poll', '/']],
])('pipelined: %s: each is answered once, in order, where it came', async (_, paths) => {
  await using service = await start()
  const client = await Raw.open(service.port())
  client.write(paths.map(get).join(''))
  await tell(service, 'nothing')
  const { pid } = service
  await service.handOver()
  await tell(service, 'now')
  await client.until((text) => text.includes('"carried":null'))
  const answers = [...client.text.matchAll(/\{.*?\}/g)].map(([one]) => JSON.parse(one))
  expect(answers).toEqual([
    ...paths.slice(1).map(() => ({ asked: 1, pid })),
    { pid, carried: null },
  ])
  await service.gone(pid)
  client.socket.destroy()
  await service.stop()
})

test('with half of the next request behind it, it is answered where it came', async () => {
  await using service = await start()
  const client = await Raw.open(service.port())
  const next = get('/')
  client.write(get('/poll') + next.slice(0, 20))
  await tell(service, 'nothing')
  await service.handOver()
  await tell(service, 'now')
  await client.until((text) => text.includes('asked'))
  client.write(next.slice(20))
  await client.until((text) => text.includes('carried'))
  const { pid } = service
  expect(client.text).toContain(JSON.stringify({ asked: 1, pid }))
  expect(client.text).toContain(JSON.stringify({ pid, carried: null }))
  client.socket.destroy()
  await service.gone(pid)
  await service.stop()
})

/** @returns what is said of it last */
async function endOf(client: StreamClient): Promise<readonly string[]> {
  await expect.poll(() => client.isOpen, patient).toBe(false)
  return client.faults
}

test('a stream on which nothing is said for two generations goes on, and its head comes once', async () => {
  await using service = await start()
  const client = await Raw.open(service.port())
  client.write(get('/events?every=60000'))
  await client.until((text) => text.includes('"n":1,'))
  for (let n = 0; n < 3; n++) await service.upgrade()
  // Said by way of the channel, in the generation that has it.
  await tell(service, 'hello')
  await client.until((text) => text.includes('hello'))
  expect(client.text.match(/HTTP\/1|data: .*/g)).toEqual([
    'HTTP/1',
    `data: {"n":1,"pid":${service.pid}}`,
    'data: {"text":"hello"}',
  ])
  expect(client.socket.destroyed).toBe(false)
  const drains = service.all({ event: 'drain', phase: 'end' })
  expect(drains.map(({ moved, cut }) => ({ moved, cut }))).toEqual(
    Array(3).fill({ moved: 1, cut: 0 }),
  )
  client.socket.destroy()
  await service.stop()
})

describe('a release that', () => {
  test.each<[string, object, RegExp]>([
    ['answers with another type', { type: 'text/plain' }, /answered "HTTP\/1.1 200 OK"/],
    ['answers with another status', { status: 500 }, /answered "HTTP\/1.1 500 /],
    ['compresses', { encode: true }, /answered "HTTP\/1.1 200 OK"/],
  ])('%s: the client sees it end too early, and the log says why', async (_, next, why) => {
    await using service = await start()
    const client = await StreamClient.open(service.port())
    service.control(next)
    await service.upgrade()
    expect(await endOf(client)).toEqual(['failed: ECONNRESET'])
    await service.untilStderr(why)
    await service.stop()
  })

  test('thinks for a while: its client waits, and nothing is lost; who leaves meanwhile is gone', async () => {
    await using service = await start()
    const [stays, leaves] = await openAll(service.port(), 2)
    service.control({ late: 500 })
    const successor = await service.upgrade()
    leaves?.end()
    await expect.poll(() => stays?.pids.at(-1), patient).toBe(successor)
    expect(stays?.faults).toEqual([])
    await service.until({ event: 'close', pid: successor })
    stays?.end()
    await service.stop()
  })

  test('carries none goes on with them all the same, and they drain there at the next one', async () => {
    await using service = await start()
    const client = await StreamClient.open(service.port())
    service.control({ lets: false })
    const second = await service.upgrade()
    await expect.poll(() => client.pids.at(-1), patient).toBe(second)
    await service.handOver()
    const { last } = client
    await expect.poll(() => client.last, patient).toBeGreaterThan(last + 20)
    expect([client.faults, client.pids.at(-1)]).toEqual([[], second])
    client.end()
    await service.gone(second)
    await service.stop()
  })
})

test.each<[string, object, RegExp]>([
  ['a state that throws', { state: 'throw' }, /cannot move with its state, and drains: no state/],
  ['what is compressed', { encode: true }, /expected a response that is not compressed/],
])('%s: it stays where it is, and the log says why', async (_, control, why) => {
  await using service = await start('http', { control })
  const client = await StreamClient.open(service.port())
  await service.handOver()
  await service.untilStderr(why)
  const { last } = client
  await expect.poll(() => client.last, patient).toBeGreaterThan(last + 10)
  expect([client.faults, client.servedBy]).toEqual([[], [service.pid]])
  client.end()
  await service.gone(service.pid)
  await service.stop()
})

test('a final stop tells them to end, and waits no longer than streamGrace', async () => {
  await using service = await start('http', { options: { streamGrace: 300 } })
  const client = await StreamClient.open(service.port())
  await service.upgrade()
  service.signal('SIGTERM', service.current)
  expect(await endOf(client)).toEqual(['failed: ECONNRESET'])
  await service.ended
})

test('what is said to all while they move, each hears once and in order', async () => {
  await using service = await start('fastify')
  const clients = await openAll(service.port(), 30, '/events?every=50')
  const said: string[] = []
  let isOver = false
  const talking = (async () => {
    while (!isOver) {
      const speaker = await Raw.open(service.port())
      said.push(`n${said.length}`)
      speaker.write(get(`/say?text=${said.at(-1)}`).replace('GET', 'POST'))
      await speaker.until((text) => text.includes('}'))
      speaker.socket.destroy()
    }
  })()
  for (let n = 0; n < 4; n++) await service.upgrade()
  isOver = true
  await talking
  expect(said.length).toBeGreaterThan(20)
  for (const client of clients) {
    await expect.poll(() => client.heard, patient).toEqual(said)
    expect(client.faults).toEqual([])
    client.end()
  }
  await service.stop()
})

test('under endless start, over reloads', async () => {
  await using fleet = await Fleet.start({ workers: 2, script })
  const clients = await openAll(fleet.port, 40)
  for (let n = 0; n < 2; n++) await fleet.reload()
  const pids = await fleet.pids()
  await expect
    .poll(() => clients.every((one) => pids.includes(one.pids.at(-1) ?? 0)), patient)
    .toBe(true)
  for (const client of clients) {
    expect(client.faults).toEqual([])
    client.end()
  }
  await fleet.stop()
})

test('docs/migration.md: ticker.js', async () => {
  const listen = ['up.listen(server, 7000)', "up.listen(server, 0, '127.0.0.1')"] as const
  await using service = await startBlock('docs/migration.md', 'ticker.js', listen)
  const client = await Raw.open(service.port())
  client.write(get('/'))
  await client.until((text) => text.includes('data: 1\n'))
  service.signal('SIGHUP')
  await service.until({ event: 'drain', phase: 'end', moved: 1 })
  await client.until((text) => text.includes('data: 3\n'))
  expect(client.text.match(/HTTP|data: \d/g)).toEqual(['HTTP', 'data: 1', 'data: 2', 'data: 3'])
  client.socket.destroy()
  service.signal('SIGTERM', service.current)
  await service.gone(service.current)
})

test('curl reads one stream of all generations', async () => {
  await using service = await start('express')
  const url = `http://127.0.0.1:${service.port()}/events?every=5`
  const curl = spawn('curl', ['-sSN', url], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void curl.kill())
  let text = ''
  curl.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  const events = (): { n: number; pid: number }[] =>
    [...text.matchAll(/^data: (.*)\n\n/gm)].map(([, one = '']) => JSON.parse(one))
  const pids = [service.pid]
  await expect.poll(() => events().length, patient).toBeGreaterThan(0)
  for (let n = 0; n < 3; n++) {
    const successor = await service.upgrade()
    pids.push(successor)
    await expect.poll(() => events().at(-1)?.pid, patient).toBe(successor)
  }
  expect(curl.exitCode).toBe(null)
  expect(events().map(({ n }) => n)).toEqual(events().map((_, n) => n + 1))
  expect([...new Set(events().map(({ pid }) => pid))]).toEqual(pids)
  curl.kill()
  await once(curl, 'exit')
  await service.stop()
})
