import { createServer } from 'node:http'
import { createServer as createNetServer } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Connection } from '../connections/index.js'
import { Served } from '../connections/specs/served.js'
import { Generation, type UpgraderOptions } from '../generation/index.js'
import { atOnce, type Client, get, later, until } from '../node/specs/servers.js'
import { Migration } from './migration.js'
import { SimulatedSuccessor } from './specs/simulated.js'

let served = new Served()
let successor = new SimulatedSuccessor()
let generation = new Generation(undefined)
let migration: Migration | undefined
const lines: string[] = []
const note = (_: object, line: string): void => void lines.push(line)

beforeEach(() => {
  const toFake = [
    'setTimeout',
    'clearTimeout',
    'setInterval',
    'clearInterval',
    'performance',
  ] as const
  vi.useFakeTimers({ toFake: [...toFake] })
  generation = new Generation(undefined)
  served = new Served(generation.connections)
  successor = new SimulatedSuccessor()
  lines.length = 0
})

afterEach(() => {
  migration?.cancel()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
  served.cleanup()
})

function begin(
  options: UpgraderOptions = {},
  nameOf: (connection: Connection) => string | undefined = () => 'tcp:::80',
): Migration {
  const logger = { debug: note, info: note, warn: note, error: note }
  generation.settings.merge({ logger, slowStart: 0, ...options })
  migration = new Migration(generation, successor.successor, nameOf)
  migration.walk()
  return migration
}

const offered = (): number[] => successor.offers.map(({ offer }) => offer.id)

/** So many idle connections of one server. */
async function idle(count: number): Promise<{ clients: Client[]; port: number }> {
  const port = await served.listen(createServer({ keepAliveTimeout: 0 }, atOnce))
  const clients: Client[] = []
  while (clients.length < count) clients.push(await served.client(port, get, 'idle'))
  return { clients, port }
}

/** The client's requests are answered here. */
async function isServedHere(client: Client): Promise<void> {
  client.text = ''
  client.socket.write(get)
  await until(() => client.text.includes('200 OK'))
}

describe('a connection moves', () => {
  test('when it is idle: offered, taken, then the successor’s, and ours no more', async () => {
    await idle(1)
    const moving = begin()
    expect(successor.offers[0]?.offer).toEqual({
      id: 0,
      listener: 'tcp:::80',
      requests: 1,
    })
    successor.takes(0)
    await until(() => generation.connections.size === 0)
    expect(successor.verdicts).toEqual([{ endless: 'yours', ids: [0] }])
    expect(moving.moved).toBe(1)
  })

  test('with the rest of its time', async () => {
    const port = await served.listen(createServer({ keepAliveTimeout: 5_000 }, atOnce))
    await served.client(port, get, 'idle')
    begin()
    expect(successor.offers[0]?.offer.rest).toBeGreaterThan(4_000)
  })

  test('when it never sent a byte: as a new one', async () => {
    await served.client(await served.listen(createServer(atOnce)), '', 'silent')
    begin()
    expect(successor.offers[0]?.offer).toEqual({ id: 0, listener: 'tcp:::80', requests: 0 })
  })

  test('after its response, when it is busy', async () => {
    const { app, responses } = later()
    await served.client(await served.listen(createServer(app)), get, 'active')
    const moving = begin()
    expect(moving.takes([...generation.connections][0] as Connection)).toBe(true)
    expect(offered()).toEqual([])
    responses[0]?.end()
    await until(() => offered().length === 1)
  })

  test('after all of a request has come that was answered before: at the next walk', async () => {
    const port = await served.listen(createServer(atOnce))
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n'
    const { socket } = await served.client(port, head, 'partial')
    const moving = begin()
    socket.write('body')
    await served.untilKinds('idle')
    expect(offered()).toEqual([])
    moving.walk()
    expect(offered()).toEqual([0])
  })

  test('whose client is always a request ahead: the one after that waits in the kernel', async () => {
    const { app, responses } = later()
    const client = await served.client(await served.listen(createServer(app)), get, 'active')
    begin()
    client.socket.write(get)
    await until(() => responses.length === 2)
    const [connection] = generation.connections
    const read = connection?.socket.bytesRead
    responses[0]?.end()
    client.socket.write(get)
    await until(() => client.text.includes('200 OK'))
    expect([responses.length, offered().length]).toEqual([2, 0])
    responses[1]?.end()
    await until(() => offered().length === 1)
    expect(connection?.socket.bytesRead).toBe(read)
    // Back here it is answered here.
    successor.answers({ endless: 'refused', ids: [0], why: 'listener' })
    await until(() => responses.length === 3)
  })

  test('or is read from again, when its client was ahead and it cannot move', async () => {
    const { app, responses } = later()
    const client = await served.client(await served.listen(createServer(app)), get, 'active')
    begin()
    client.socket.write(get)
    await until(() => responses.length === 2)
    await turn()
    client.socket.write(get)
    successor.saysStop()
    await until(() => responses.length === 3)
  })

  test('two at a time where there are two lanes, the next as soon as one is taken', async () => {
    const { clients } = await idle(4)
    begin()
    expect(offered()).toEqual([0, 1])
    await isServedHere(clients[3] as Client)
    expect(offered()).toEqual([0, 1])
    successor.takes(1)
    expect(offered()).toEqual([0, 1, 2])
    successor.takes(0, 2)
    await until(() => generation.connections.size === 1)
    successor.takes(3)
    await until(() => generation.connections.size === 0)
  })
})

describe('a slow start', () => {
  test('offers few first, and more in each tick; what waits is served here, and is not told to go', async () => {
    const { clients } = await idle(4)
    const moving = begin({ slowStart: 2_000 })
    expect(offered()).toEqual([0])
    successor.takes(0)
    expect(offered()).toEqual([0])
    for (const one of [...generation.connections].slice(1)) expect(moving.takes(one)).toBe(true)
    await isServedHere(clients[3] as Client)
    expect(clients[3]?.text).toMatch(/connection: keep-alive/i)
    for (let n = 0; n < 200 && generation.connections.size > 0; n++) {
      vi.advanceTimersByTime(10)
      successor.takes(...offered())
      await turn()
    }
    expect(moving.moved).toBe(4)
  })

  test('ends in time: then all go that the lanes can carry', async () => {
    await idle(4)
    begin({ slowStart: 1_000 })
    vi.advanceTimersByTime(1_000)
    expect(offered().length).toBeGreaterThanOrEqual(2)
  })
})

describe('a connection stays', () => {
  test.each<[string, UpgraderOptions['migrate']]>([
    ['does not want it', () => false],
    [
      'throws',
      () => {
        throw new Error('boom')
      },
    ],
  ])('where the migrate option %s', async (what, migrate) => {
    const { clients } = await idle(1)
    const moving = begin({ migrate })
    expect(moving.takes([...generation.connections][0] as Connection)).toBe(false)
    expect(offered()).toEqual([])
    if (what === 'throws')
      expect(lines).toContain('The migrate option threw: that connection drains')
    await isServedHere(clients[0] as Client)
  })

  test.each<[number | false, number]>([
    [10_000, 5_000],
    [false, 30_000],
  ])('where it could not move for long: hammerTime %s, %d ms', async (hammerTime, late) => {
    await served.client(await served.listen(createServer(later().app)), get, 'active')
    const moving = begin({ hammerTime })
    const [connection] = generation.connections
    vi.advanceTimersByTime(late - 1)
    expect(moving.takes(connection as Connection)).toBe(true)
    vi.advanceTimersByTime(1)
    expect(moving.takes(connection as Connection)).toBe(false)
  })

  test('where its listener is none of ours', async () => {
    await idle(1)
    begin({}, () => undefined)
    expect(offered()).toEqual([])
  })

  test('where its server does not speak http', async () => {
    await served.client(await served.listen(createNetServer()), '', 'upgraded')
    begin()
    expect(offered()).toEqual([])
  })

  test('where the successor has no such listener; the others move', async () => {
    const { clients } = await idle(3)
    const moving = begin()
    successor.answers({ endless: 'refused', ids: [0], why: 'listener' })
    expect(offered()).toEqual([0, 1, 2])
    const [first, second] = [...generation.connections] as [Connection, Connection]
    expect([moving.takes(first), moving.takes(second)]).toEqual([false, true])
    await isServedHere(clients[0] as Client)
    moving.walk()
    expect(offered()).toEqual([0, 1, 2])
  })

  test.each([
    ['full', 'has as many connections as it may have'],
    ['stopping', 'is stopping'],
    ['lost', 'did not get a connection, as when no fd is free'],
  ] as const)('with all others, where the successor says: %s', async (why, words) => {
    const { clients } = await idle(3)
    const moving = begin()
    successor.answers({ endless: 'refused', ids: [1], why })
    expect(offered()).toEqual([0, 1])
    expect(lines).toEqual([`Successor 4711 ${words}: the other connections drain here.`])
    for (const one of generation.connections) expect(moving.takes(one)).toBe(false)
    await isServedHere(clients[1] as Client)
    // What is on its way is still answered.
    successor.takes(0)
    await until(() => moving.moved === 1)
  })

  test('when the successor is told to stop, or is gone', async () => {
    const { clients } = await idle(3)
    const moving = begin()
    successor.saysStop()
    await turn()
    expect(lines).toEqual(['Successor 4711 is stopping: the other connections drain here.'])
    successor.exit()
    await turn()
    for (const client of clients) await isServedHere(client)
    expect([moving.moved, successor.closedLanes]).toEqual([0, 2])
  })

  test('when the word that it is the successor’s cannot be sent', async () => {
    const { clients } = await idle(1)
    const moving = begin()
    successor.verdictError = new Error('EPIPE')
    successor.takes(0)
    await until(() => successor.verdicts.length === 1)
    await isServedHere(clients[0] as Client)
    expect(moving.moved).toBe(0)
  })

  test('when it could not be sent itself', async () => {
    const { clients } = await idle(1)
    begin()
    successor.offers[0]?.sent(new Error('EBADF'))
    await isServedHere(clients[0] as Client)
  })
})

describe('a successor that does not answer', () => {
  test('does not get what is on its way, and is offered no more until it answers', async () => {
    const { clients } = await idle(3)
    const moving = begin()
    vi.advanceTimersByTime(1_000)
    expect(successor.verdicts).toEqual([{ endless: 'keep', ids: [0, 1] }])
    expect(lines).toEqual([
      'Successor 4711 does not answer: its connections are served here meanwhile.',
    ])
    await turn()
    for (const client of clients) await isServedHere(client)
    expect(offered()).toEqual([0, 1])
    for (const one of generation.connections) expect(moving.takes(one)).toBe(true)
    // Too late: it will find `keep`.
    successor.takes(0, 1)
    await turn()
    expect(successor.verdicts).toHaveLength(1)
    successor.answers({ endless: 'kept', ids: [0, 1] })
    expect(offered()).toEqual([0, 1, 2, 3])
    successor.takes(2, 3)
    await until(() => moving.moved === 2)
  })

  test('is given up after stallTimeout: then connections drain', async () => {
    await idle(1)
    const moving = begin({ stallTimeout: 3_000 })
    vi.advanceTimersByTime(1_000)
    await turn()
    vi.advanceTimersByTime(3_000)
    expect(lines.at(-1)).toBe(
      'Successor 4711 did not answer for 3000 ms: the other connections drain here.',
    )
    expect(moving.takes([...generation.connections][0] as Connection)).toBe(false)
  })
})
