// Clients of Socket.IO move to the successor, with their ids, rooms and data: they notice nothing.
import { describe, expect, test } from 'vitest'
import { fixture, Service, type StartOptions } from './support/service.js'
import { SocketIOClient, type SocketIOOptions } from './support/socketio.js'

const script = fixture('socketio.js')
const patient = { timeout: 15_000 }
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
  if (faults().length) console.log(S.transcript().split('\n').filter(l => !/"connection"/.test(l)).join('\n'))
  expect(faults()).toEqual([])
}
let S: Service

const manners = (n: number): SocketIOOptions => ({
  // Every other one has polled before.
  ...(n % 2 === 0 && { transports: ['websocket'] }),
  namespaces,
  pause: 20 + (n % 30),
  ms: n % 4 === 0 ? 40 : 0,
  bytes: n % 3 === 0 ? 100 * n + 1 : 0,
  deflate: n % 5 === 0,
  room: n % 2 === 0 ? 'even' : 'odd',
})

describe.each(['socket.io', 'socket.io-4-6'])('%s', (version) => {
  test('60 clients in two namespaces, with traffic and acks in both directions, over three upgrades', async () => {
    await using service = await start({ env: { SOCKETIO: version } })
    const clients = await connectAll(service.port(), 60, manners)
    S = service
    for (const client of clients) client.talk()
    for (let n = 0; n < 3; n++) await allAt(clients, await service.upgrade())
    expect(await stopAll(clients)).toEqual([])
    const drains = service.all({ event: 'drain', phase: 'end' })
    for (const one of drains) expect(one).toMatchObject({ cut: 0 })
    expect(service.all({ event: 'left' })).toEqual([])
    expect(service.all({ event: 'stranger' })).toEqual([])
    expect(service.all({ event: 'connection', recovered: true })).toHaveLength(3 * 2 * 60)
    expect(service.stderr).not.toMatch(/Warning|Error/)
    for (const client of clients) client.end()
    await service.stop()
  })
})
