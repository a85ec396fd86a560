// WebSockets of ws move to the successor, with their state: their clients notice nothing.
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { startBlock } from './support/block.js'
import { Fleet } from './support/fleet.js'
import { fixture, Service, type StartOptions } from './support/service.js'
import { type ClientOptions, WebSocketClient } from './support/websockets.js'

const script = fixture('websockets.js')
const patient = { timeout: 25_000 }
/** On a machine that is busy with something else, too. */
const patience = { MOVING: JSON.stringify({ within: 25_000 }) }

const start = (framework: string, options: Partial<StartOptions> = {}): Promise<Service> =>
  Service.start({ script, args: [framework], ...options, env: { ...patience, ...options.env } })

function connectAll(
  port: number,
  count: number,
  optionsOf: (n: number) => ClientOptions = () => ({}),
): Promise<WebSocketClient[]> {
  return Promise.all(
    Array.from({ length: count }, (_, n) => WebSocketClient.connect(port, `n${n}`, optionsOf(n))),
  )
}

/** @returns what went wrong with any */
async function stopAll(clients: readonly WebSocketClient[]): Promise<string[]> {
  const faults = await Promise.all(clients.map((client) => client.stop()))
  for (const client of clients) client.end()
  return faults.flat()
}

const movedAll = (clients: readonly WebSocketClient[], pid: number): Promise<void> =>
  expect.poll(() => clients.every(({ pids }) => pids.at(-1) === pid), patient).toBe(true)

describe.each(['http', 'express', 'koa', 'fastify'])('%s', (framework) => {
  test('100 clients with traffic in both directions, half of them deflated, over three upgrades', async () => {
    const control = { deflate: { threshold: 0 } }
    await using service = await start(framework, { control })
    const clients = await connectAll(service.port(), 100, (n) => ({
      deflate: n % 2 === 0,
      // Some are never done with an answer when they ask the next one.
      pause: () => 20 + (n % 30),
      ms: () => (n % 4 === 0 ? 40 : 0),
      bytes: n % 10 === 0 ? 5_000 : n,
    }))
    for (const client of clients) client.talk()
    for (let n = 0; n < 3; n++) await movedAll(clients, await service.upgrade())
    expect(await stopAll(clients)).toEqual([])
    const drains = service.all({ event: 'drain', phase: 'end' })
    expect(drains.map(({ moved, drained, cut }) => ({ moved, drained, cut }))).toEqual(
      Array(3).fill({ moved: 100, drained: 0, cut: 0 }),
    )
    expect(service.all({ event: 'gone' })).toHaveLength(300)
    expect(service.all({ event: 'stranger' })).toEqual([])
    expect(service.all({ event: 'fault' })).toEqual([])
    await service.stop()
  })
})

// The oldest, and those after which something inside is different.
test.each(['ws-8-0', 'ws-8-15', 'ws-8-17', 'ws-8-18'])(
  '%s: 40 clients over two upgrades',
  async (version) => {
    const control = { deflate: { threshold: 0 } }
    await using service = await start('http', { control, env: { WS: version } })
    const clients = await connectAll(service.port(), 40, (n) => ({
      deflate: n % 2 === 0,
      pause: () => 5 + n,
      ms: () => (n % 4 === 0 ? 40 : 0),
    }))
    for (const client of clients) client.talk()
    for (let n = 0; n < 2; n++) await movedAll(clients, await service.upgrade())
    expect(await stopAll(clients)).toEqual([])
    await service.stop()
  },
)

test('under endless start, over reloads', async () => {
  await using fleet = await Fleet.start({ workers: 2, script, args: ['http'] })
  const clients = await connectAll(fleet.port, 40, (n) => ({ pause: () => 5 + n }))
  for (const client of clients) client.talk()
  for (let n = 0; n < 2; n++) await fleet.reload()
  expect(await stopAll(clients)).toEqual([])
  await fleet.stop()
})

test('of workers with unequal loads: what the one gives to the other notices nothing', async () => {
  await using fleet = await Fleet.start({ workers: 2, script, args: ['http'] })
  const [, other = -1] = await fleet.pids()
  fleet.service.signal('SIGSTOP', other)
  const clients = await connectAll(fleet.port, 40, (n) => ({ pause: () => 50 + n }))
  fleet.service.signal('SIGCONT', other)
  for (const client of clients) client.talk()
  await fleet.service.untilStderr(/Gave \d+ connections to worker/)
  const pids = (): Set<number | undefined> => new Set(clients.map((one) => one.pids.at(-1)))
  await expect.poll(() => pids().size, patient).toBe(2)
  expect(await stopAll(clients)).toEqual([])
  await fleet.stop()
})

test('the server that stands in websockets.md goes on counting', async () => {
  const listen = ['listen(server, 8000)', "listen(server, 0, '127.0.0.1')"] as const
  await using service = await startBlock('docs/websockets.md', 'counter.js', listen)
  const socket = new WebSocket(`ws://127.0.0.1:${service.port()}`)
  const heard = async (): Promise<string> =>
    String(((await once(socket, 'message')) as [Buffer])[0])
  expect(await heard()).toBe(`hello from ${service.pid}`)
  socket.send('a')
  expect(await heard()).toBe(`${service.pid}: a (1)`)
  service.signal('SIGHUP')
  await service.until({ event: 'drain', phase: 'end', moved: 1 })
  socket.send('b')
  expect(await heard()).toBe(`${service.current}: b (2)`)
  socket.terminate()
  service.signal('SIGTERM', service.current)
  await service.gone(service.current)
})
