import { createServer } from 'node:http'
import { createServer as createNetServer } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import type { Connection } from '../connections/index.js'
import type { UpgraderOptions } from '../generation/index.js'
import { type Client, get, later, until } from '../node/specs/servers.js'
import { isServedHere, migratingInEachTest } from './specs/migrating.js'

const here = migratingInEachTest()

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
    const { clients } = await here.idle(1)
    const moving = here.begin({ migrate })
    expect(moving.takes([...here.generation.connections][0] as Connection)).toBe(false)
    expect(here.offered()).toEqual([])
    if (what === 'throws')
      expect(here.lines).toContain('The migrate option threw: that connection drains')
    await isServedHere(clients[0] as Client)
  })

  test('where the app says so when it is asked, at its turn: told to whoever has to know, once', async () => {
    const { app, responses } = later()
    await here.served.client(await here.served.listen(createServer(app)), get, 'active')
    const migrate = vi.fn(() => false)
    const left = vi.fn()
    const moving = here.begin({ migrate })
    moving.onLeft(left)
    const [connection] = [...here.generation.connections] as [Connection]
    expect([moving.mayTake(connection), migrate.mock.calls.length]).toEqual([true, 0])
    responses[0]?.end()
    await until(() => left.mock.calls.length > 0)
    expect(moving.mayTake(connection)).toBe(false)
    moving.walk()
    expect([left.mock.calls.length, migrate.mock.calls.length > 1]).toEqual([1, true])
  })

  test.each<[number | false, number]>([
    [10_000, 5_000],
    [false, 30_000],
  ])('where it could not move for long: hammerTime %s, %d ms', async (hammerTime, late) => {
    await here.served.client(await here.served.listen(createServer(later().app)), get, 'active')
    const moving = here.begin({ hammerTime })
    const [connection] = here.generation.connections
    vi.advanceTimersByTime(late - 1)
    expect(moving.takes(connection as Connection)).toBe(true)
    vi.advanceTimersByTime(1)
    expect(moving.takes(connection as Connection)).toBe(false)
  })

  test('where its listener is none of ours', async () => {
    await here.idle(1)
    here.begin({}, () => undefined)
    expect(here.offered()).toEqual([])
  })

  test('where its server does not speak http', async () => {
    await here.served.client(await here.served.listen(createNetServer()), '', 'upgraded')
    here.begin()
    expect(here.offered()).toEqual([])
  })

  test('where the successor has no such listener; the others move', async () => {
    const { clients } = await here.idle(3)
    const moving = here.begin()
    here.successor.answers({ endless: 'refused', ids: [0], why: 'listener' })
    expect(here.offered()).toEqual([0, 1, 2])
    const [first, second] = [...here.generation.connections] as [Connection, Connection]
    expect([moving.takes(first), moving.takes(second)]).toEqual([false, true])
    await isServedHere(clients[0] as Client)
    moving.walk()
    expect(here.offered()).toEqual([0, 1, 2])
  })

  test.each([
    ['full', 'has as many connections as it may have'],
    ['stopping', 'is stopping'],
    ['lost', 'did not get a connection, as when no fd is free'],
  ] as const)('with all others, where the successor says: %s', async (why, words) => {
    const { clients } = await here.idle(3)
    const moving = here.begin()
    here.successor.answers({ endless: 'refused', ids: [1], why })
    expect(here.offered()).toEqual([0, 1])
    expect(here.lines).toEqual([`Successor 4711 ${words}: the other connections drain here.`])
    for (const one of here.generation.connections) expect(moving.takes(one)).toBe(false)
    await isServedHere(clients[1] as Client)
    // What is on its way is still answered.
    here.successor.takes(0)
    await until(() => moving.moved === 1)
  })

  test('when the successor is told to stop, or is gone', async () => {
    const { clients } = await here.idle(3)
    const moving = here.begin()
    here.successor.saysStop()
    await turn()
    expect(here.lines).toEqual(['Successor 4711 is stopping: the other connections drain here.'])
    here.successor.exit()
    await turn()
    for (const client of clients) await isServedHere(client)
    expect([moving.moved, here.successor.closedLanes]).toEqual([0, 2])
  })

  test('when the word that it is the successor’s cannot be sent', async () => {
    const { clients } = await here.idle(1)
    const moving = here.begin()
    here.successor.verdictError = new Error('EPIPE')
    here.successor.takes(0)
    await until(() => here.successor.verdicts.length === 1)
    await isServedHere(clients[0] as Client)
    expect(moving.moved).toBe(0)
  })

  test('when it could not be sent itself', async () => {
    const { clients } = await here.idle(1)
    here.begin()
    here.successor.offers[0]?.sent(new Error('EBADF'))
    await isServedHere(clients[0] as Client)
  })
})

describe('a successor that does not answer', () => {
  test('does not get what is on its way, and is offered no more until it answers', async () => {
    const { clients } = await here.idle(3)
    const moving = here.begin()
    vi.advanceTimersByTime(1_000)
    expect(here.successor.verdicts).toEqual([{ endless: 'keep', ids: [0, 1] }])
    expect(here.lines).toEqual([
      'Successor 4711 does not answer: its connections are served here meanwhile.',
    ])
    await turn()
    for (const client of clients) await isServedHere(client)
    expect(here.offered()).toEqual([0, 1])
    for (const one of here.generation.connections) expect(moving.takes(one)).toBe(true)
    // Too late: it will find `keep`.
    here.successor.takes(0, 1)
    await turn()
    expect(here.successor.verdicts).toHaveLength(1)
    here.successor.answers({ endless: 'kept', ids: [0, 1] })
    expect(here.offered()).toEqual([0, 1, 2, 3])
    here.successor.takes(2, 3)
    await until(() => moving.moved === 2)
  })

  test('is given up after stallTimeout: then connections drain', async () => {
    await here.idle(1)
    const moving = here.begin({ stallTimeout: 3_000 })
    vi.advanceTimersByTime(1_000)
    await turn()
    vi.advanceTimersByTime(3_000)
    expect(here.lines.at(-1)).toBe(
      'Successor 4711 did not answer for 3000 ms: the other connections drain here.',
    )
    expect(moving.takes([...here.generation.connections][0] as Connection)).toBe(false)
  })
})
