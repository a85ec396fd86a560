// Clients of Socket.IO move to the successor, with their ids, rooms and data: they notice nothing.
import { setTimeout as delay } from 'node:timers/promises'
import { io } from 'socket.io-client'
import { describe, expect, test } from 'vitest'
import { startBlock } from './support/block.js'
import { Fleet } from './support/fleet.js'
import { isLong } from './support/long.js'
import { fixture, Service, type StartOptions } from './support/service.js'
import { SocketIOClient, type SocketIOOptions } from './support/socketio.js'

const script = fixture('socketio.js')
const patient = { timeout: 15_000 }
/** Where nobody is to be told to come back, however slow the machine. */
const unhurried = JSON.stringify({ within: 25_000 })
const namespaces = ['/', '/chat']

const start = (options: Partial<StartOptions> = {}): Promise<Service> =>
  Service.start({ script, ...options })

function connectAll(
  port: number,
  count: number,
  optionsOf: (n: number) => SocketIOOptions = () => ({}),
): Promise<SocketIOClient[]> {
  return Promise.all(
    Array.from({ length: count }, (_, n) => SocketIOClient.connect(port, `${n}`, optionsOf(n))),
  )
}

/** @returns what went wrong with any */
async function stopAll(clients: readonly SocketIOClient[]): Promise<string[]> {
  return (await Promise.all(clients.map((client) => client.stop()))).flat()
}

/** Waits until each is where it should be, or something went wrong with one. */
async function allAt(clients: readonly SocketIOClient[], pid: number): Promise<void> {
  const areThere = (): boolean => clients.every(({ pids }) => pids.every((one) => one === pid))
  const faults = (): string[] => clients.flatMap((client) => client.faults)
  await expect.poll(() => areThere() || faults().length > 0, patient).toBe(true)
  expect(faults()).toEqual([])
}

const manners = (n: number): SocketIOOptions => ({
  // Every other one has polled before.
  ...(n % 2 === 0 && { transports: ['websocket'] }),
  namespaces,
  // On a machine that does much else, who talks more is never still.
  pause: isLong ? 20 + (n % 30) : 60 + n,
  ms: n % 4 === 0 ? 40 : 0,
  bytes: n % 3 === 0 ? 100 * n + 1 : 0,
  deflate: n % 5 === 0,
  room: n % 2 === 0 ? 'even' : 'odd',
})

describe.each(['socket.io', 'socket.io-4-6'])('%s', (version) => {
  test('60 clients in two namespaces, with traffic and acks in both directions, over three upgrades', async () => {
    const control = { deflate: { threshold: 0 } }
    await using service = await start({ control, env: { SOCKETIO: version, MOVING: unhurried } })
    const clients = await connectAll(service.port(), 60, manners)
    for (const client of clients) client.talk()
    for (let n = 0; n < 3; n++) await allAt(clients, await service.upgrade())
    expect(await stopAll(clients)).toEqual([])
    const drains = service.all({ event: 'drain', phase: 'end' })
    expect(drains.map(({ moved, drained, cut, told }) => ({ moved, drained, cut, told }))).toEqual(
      Array(3).fill({ moved: 60, drained: 0, cut: 0, told: 0 }),
    )
    expect(service.all({ event: 'left' })).toEqual([])
    expect(service.all({ event: 'stranger' })).toEqual([])
    expect(service.all({ event: 'gone', connected: false, rooms: 0 })).toHaveLength(3 * 2 * 60)
    expect(service.all({ event: 'connection', recovered: true })).toHaveLength(3 * 2 * 60)
    expect(service.stderr).not.toMatch(/Warning|Error/)
    for (const client of clients) client.end()
    await service.stop()
  })
})

test.runIf(isLong)(
  '200 clients over ten upgrades',
  async () => {
    await using service = await start({ env: { MOVING: unhurried } })
    const clients = await connectAll(service.port(), 200, (n) => ({
      ...manners(n),
      pause: 200 + n,
    }))
    for (const client of clients) client.talk()
    for (let n = 0; n < 10; n++) await allAt(clients, await service.upgrade())
    expect(await stopAll(clients)).toEqual([])
    expect(service.all({ event: 'drain', phase: 'end' })).toMatchObject(
      Array(10).fill({ moved: 200, drained: 0, cut: 0, told: 0 }),
    )
    expect(service.all({ event: 'left' })).toEqual([])
    for (const client of clients) client.end()
    await service.stop()
  },
  300_000,
)

test('under endless start, over reloads', async () => {
  await using fleet = await Fleet.start({ workers: 2, script, env: { MOVING: unhurried } })
  const clients = await connectAll(fleet.port, 20, () => ({
    namespaces,
    transports: ['websocket'],
  }))
  for (const client of clients) client.talk()
  for (let n = 0; n < 2; n++) await fleet.reload()
  expect(await stopAll(clients)).toEqual([])
  for (const client of clients) client.end()
  await fleet.stop()
})

test('who always talks, and always has to answer, moves', async () => {
  const control = { every: 5 }
  await using service = await start({ control, env: { MOVING: unhurried } })
  const clients = await connectAll(service.port(), 10, () => ({ pause: 0, ms: 10, bytes: 1_000 }))
  for (const client of clients) client.talk()
  await allAt(clients, await service.upgrade())
  expect(await stopAll(clients)).toEqual([])
  expect(service.all({ event: 'drain', phase: 'end' })).toMatchObject([{ moved: 10, told: 0 }])
  for (const client of clients) client.end()
  await service.stop()
})

test('a broadcast to a room reaches those that are in it, in the successor as well', async () => {
  await using service = await start()
  const clients = await connectAll(service.port(), 12, (n) => ({ ...manners(n), pause: 1_000 }))
  const members = clients.flatMap((client) => client.members)
  const cast = async (text: string): Promise<void> => {
    const [first] = members
    first?.socket.emit('cast', '/even', `${text} even`)
    first?.socket.emit('cast', '/odd', `${text} odd`)
    // What was said before is there when this is answered.
    for (const { socket } of members) await socket.emitWithAck('sums')
  }
  await cast('before')
  await service.upgrade()
  for (const { socket } of members) await socket.emitWithAck('sums')
  await cast('after')
  for (const [n, client] of clients.entries()) {
    const room = n % 2 === 0 ? 'even' : 'odd'
    const [main, chat] = client.members
    expect(main?.news).toEqual([`before ${room}`, `after ${room}`])
    expect(chat?.news).toEqual([])
    const { rooms } = await (chat?.socket.emitWithAck('sums') ?? {})
    expect(rooms).toEqual([chat?.id, `/chat${room}`])
  }
  expect(await stopAll(clients)).toEqual([])
  for (const client of clients) client.end()
  await service.stop()
})

/** Each says its next line to the room of all, and holds what it hears against what was said. */
async function chat(
  clients: readonly SocketIOClient[],
  upgrades: () => Promise<void>,
): Promise<void> {
  let stopped = false
  const said = clients.map(() => 0)
  const talks = clients.map(async ({ members: [member] }, n) => {
    while (!stopped) {
      said[n] = (said[n] ?? 0) + 1
      await member?.socket.emitWithAck('cast', '/a', `${n} ${said[n]}`)
      await delay(10 + n)
    }
  })
  await upgrades()
  stopped = true
  await Promise.all(talks)
  const sum = said.reduce((a, b) => a + b)
  for (const {
    members: [member],
  } of clients) {
    await expect.poll(() => member?.news.length, patient).toBeGreaterThanOrEqual(sum)
    for (const [n, count] of said.entries()) {
      const heard = member?.news.filter((line) => line.startsWith(`${n} `))
      expect(heard).toEqual(Array.from({ length: count }, (_, k) => `${n} ${k + 1}`))
    }
  }
}

describe('rooms of all processes', () => {
  test.each([
    ['without recovery', { every: 20 }],
    ['with it', { every: 20, recovery: true }],
  ])(
    '%s: each line once and in order, for each member, over three upgrades',
    async (_, control) => {
      const env = { MOVING: JSON.stringify({ within: 25_000, rooms: true }) }
      await using service = await start({ control, env })
      const clients = await connectAll(service.port(), 30)
      await chat(clients, async () => {
        for (let n = 0; n < 3; n++) {
          await service.upgrade()
          await delay(200)
        }
      })
      expect(await stopAll(clients)).toEqual([])
      expect(service.all({ event: 'drain', phase: 'end' })).toMatchObject(
        Array(3).fill({ moved: 30 }),
      )
      for (const client of clients) client.end()
      await service.stop()
    },
  )

  test('of the workers of endless start, over a reload', async () => {
    const env = { MOVING: JSON.stringify({ within: 25_000, rooms: true }) }
    await using fleet = await Fleet.start({ workers: 2, script, env })
    const clients = await connectAll(fleet.port, 16, () => ({ transports: ['websocket'] }))
    await chat(clients, () => fleet.reload().then(() => {}))
    expect(await stopAll(clients)).toEqual([])
    for (const client of clients) client.end()
    await fleet.stop()
  })
})

test('the server that stands in migration.md goes on counting', async () => {
  const listen = ['listen(server, 8000)', "listen(server, 0, '127.0.0.1')"] as const
  await using service = await startBlock('docs/migration.md', 'game.js', listen)
  const clients = [1, 2].map(() =>
    io(`http://127.0.0.1:${service.port()}`, { transports: ['websocket'], forceNew: true }),
  )
  const [player, watcher] = clients
  const heard: unknown[] = []
  for (const client of clients) client.on('disconnect', (reason) => heard.push(reason))
  watcher?.on('scored', (_, points) => heard.push(points))
  await expect.poll(() => clients.every((one) => one.connected), patient).toBe(true)
  // Its answer has two values.
  const score = (): Promise<unknown> =>
    new Promise((done) => player?.emit('score', (...all: unknown[]) => done(all)))
  expect(await score()).toEqual([1, service.pid])
  service.signal('SIGHUP')
  await service.until({ event: 'drain', phase: 'end', moved: 2 })
  expect(await score()).toEqual([2, service.current])
  await expect.poll(() => heard, patient).toEqual([1, 2])
  for (const client of clients) client.close()
  service.signal('SIGTERM', service.current)
  await service.gone(service.current)
})
