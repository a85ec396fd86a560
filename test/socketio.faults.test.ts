// What of Socket.IO cannot move reconnects; what a release refuses is told so as any other client is.
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { isLong } from './support/long.js'
import { fixture, Service, type StartOptions } from './support/service.js'
import { SocketIOClient, type SocketIOOptions } from './support/socketio.js'

const script = fixture('socketio.js')
const patient = { timeout: 15_000 }
const websocket = { transports: ['websocket'] }

const start = (control: object = {}, options: Partial<StartOptions> = {}): Promise<Service> =>
  Service.start({ script, control, ...options })

const moving = (options: object) => ({ env: { MOVING: JSON.stringify({ over: 0, ...options }) } })

async function connect(service: Service, options: SocketIOOptions = {}): Promise<SocketIOClient> {
  const client = await SocketIOClient.connect(service.port(), '1', { ...websocket, ...options })
  onTestFinished(() => client.end())
  return client
}

/** The first value of the next one. Those of Socket.IO are no EventEmitters. */
function next(
  emitter: { once(event: string, listener: (value: unknown) => void): unknown },
  event: string,
): Promise<unknown> {
  return new Promise((resolve) => {
    emitter.once(event, resolve)
  })
}

/** The first namespace of one that is not to be still. */
function socketOf(client: SocketIOClient): SocketIOClient['members'][number]['socket'] {
  const [first] = client.members
  if (!first) throw new Error('it is in no namespace')
  return first.socket
}

const pidOf = async (client: SocketIOClient): Promise<number> =>
  ((await socketOf(client).emitWithAck('sums')) as { pid: number }).pid

describe('a release that', () => {
  test.each([
    ['refuses by a middleware', 'middleware', 'no more'],
    ['has no such namespace any more', 'namespace', 'Invalid namespace'],
    ['refuses the handshake', 'allowRequest', 'websocket error'],
  ])('%s: the client reconnects, and is told why', async (_, refuse, message) => {
    await using service = await start()
    const client = await connect(service, { namespaces: ['/chat'] })
    const socket = socketOf(client)
    const reason = next(socket, 'disconnect')
    const error = next(socket, 'connect_error')
    service.control({ refuse })
    await service.upgrade()
    expect(await reason).toBe('transport close')
    expect(await error).toMatchObject({ message })
    await service.stop()
  })

  test('pings less often than its clients know: they reconnect', async () => {
    await using service = await start({ ping: { pingInterval: 300, pingTimeout: 10_000 } })
    const client = await connect(service)
    const back = next(socketOf(client), 'disconnect')
    service.control({ ping: { pingInterval: 60_000 } })
    const successor = await service.upgrade()
    expect(await back).toBe('transport close')
    await expect.poll(() => pidOf(client), patient).toBe(successor)
    await service.stop()
  })
})

test('an async handler is waited for, a second into the drain', async () => {
  await using service = await start({ every: 0 })
  const client = await connect(service)
  const socket = socketOf(client)
  const told = next(socket, 'told')
  // No ack holds the client here.
  socket.emit('slow', 1, 1_000)
  const successor = await service.handOver()
  expect(await told).toBe(1)
  await service.gone(service.pid)
  expect(await pidOf(client)).toBe(successor)
  expect(client.faults).toEqual([])
  await service.stop()
})

test('an ack that the app gives late is waited for, also without a promise', async () => {
  await using service = await start({ every: 0 })
  const client = await connect(service)
  const answer = socketOf(client).emitWithAck('later', 1_000)
  const successor = await service.handOver()
  expect(await answer).toBe(service.pid)
  await service.gone(service.pid)
  expect(await pidOf(client)).toBe(successor)
  expect(client.faults).toEqual([])
  await service.stop()
})

test('an ack that the client gives late is waited for, and comes once', async () => {
  await using service = await start({ every: 0 })
  const client = await connect(service)
  const socket = socketOf(client)
  socket.on('question', async (given: (text: string) => void) => {
    await service.until({ event: 'drain', phase: 'start' })
    await delay(500)
    given('answer')
  })
  const asked = next(socket, 'question')
  socket.emit('quiz')
  await asked
  const successor = await service.handOver()
  await service.until({ event: 'answer', text: 'answer' })
  await service.gone(service.pid)
  expect(await pidOf(client)).toBe(successor)
  expect(service.all({ event: 'answer' })).toMatchObject([{ pid: service.pid }])
  expect(client.faults).toEqual([])
  await service.stop()
})

test('half a binary packet is waited for', async () => {
  await using service = await start({ every: 0 })
  const client = await connect(service)
  const socket = socketOf(client)
  // Its attachment comes when the successor serves.
  const { engine } = client.manager
  engine.write('51-70["blob",{"_placeholder":true,"num":0}]')
  const other = await connect(service)
  await service.handOver()
  await expect.poll(() => pidOf(other), patient).toBe(service.current)
  const heard = next(engine, 'packet')
  engine.write(Buffer.from('late'))
  expect(await heard).toMatchObject({
    data: `61-70[{"_placeholder":true,"num":0},${service.pid}]`,
  })
  await service.gone(service.pid)
  expect(await socket.emitWithAck('sums')).toMatchObject({ pid: service.current })
  expect(client.faults).toEqual([])
  await service.stop()
})

test('a handler that does not settle in time: its client reconnects, the others move', async () => {
  await using service = await start({ every: 0 }, moving({ within: 500 }))
  const [client, other] = [await connect(service), await connect(service)]
  socketOf(client).emit('slow', 1, 60_000)
  const successor = await service.handOver()
  await expect
    .poll(() => client.faults, patient)
    .toContainEqual(expect.stringMatching(/transport close/))
  await expect.poll(() => pidOf(client), patient).toBe(successor)
  expect(await pidOf(other)).toBe(successor)
  expect(other.faults).toEqual([])
  await service.gone(service.pid)
  await service.stop()
})

test('data that JSON cannot say: its client reconnects, and the log says why', async () => {
  await using service = await start({ every: 0 }, moving({ within: 500 }))
  const client = await connect(service)
  socketOf(client).emit('circle')
  const successor = await service.handOver()
  await expect
    .poll(() => client.faults, patient)
    .toContainEqual(expect.stringMatching(/transport close/))
  await expect.poll(() => pidOf(client), patient).toBe(successor)
  await service.untilStderr(/cannot move with its state, and drains: .*circular/)
  await service.stop()
})

test('its client is pinged when it moves: it had waited for the most of its time', async () => {
  const ping = { pingInterval: 2_500, pingTimeout: 1_500 }
  await using service = await start({ ping, every: 0 })
  const client = await connect(service)
  await next(client.manager.engine, 'ping')
  // It gives up 4 s after that, and the successor would ping after 2.5 s.
  await delay(1_000)
  await service.upgrade()
  await next(client.manager.engine, 'ping')
  expect(client.faults).toEqual([])
  await next(client.manager.engine, 'ping')
  expect(client.faults).toEqual([])
  await service.stop()
})

test.runIf(isLong)(
  '24 seconds after a ping, by what Socket.IO does by default',
  async () => {
    await using service = await start({ every: 0 })
    const client = await connect(service)
    await next(client.manager.engine, 'ping')
    await delay(22_000)
    await service.upgrade()
    await delay(50_000)
    expect(await pidOf(client)).toBe(service.current)
    expect(client.faults).toEqual([])
    await service.stop()
  },
  180_000,
)

describe('connectionStateRecovery', () => {
  test('one that moved recovers later, by the same id, and gets what it has missed', async () => {
    await using service = await start({ recovery: true, every: 0 })
    const client = await connect(service)
    const other = await connect(service)
    const [member] = client.members
    if (!member) throw new Error('no member')
    // Something has to have come: that is where it goes on.
    socketOf(other).emit('cast', '/a', 'first')
    await expect.poll(() => member.news, patient).toEqual(['first'])
    await service.upgrade()
    await service.upgrade()
    const { socket, id } = member
    const { engine } = client.manager
    client.manager.reconnectionDelay(500)
    engine.close()
    await expect.poll(() => client.faults, patient).toHaveLength(1)
    socketOf(other).emit('cast', '/a', 'second')
    await next(socket, 'connect')
    expect([socket.recovered, socket.id]).toEqual([true, id])
    await expect.poll(() => member.news, patient).toEqual(['first', 'second'])
    await service.stop()
  })

  test('who polls recovers in the successor, by the same id, and gets what it has missed', async () => {
    await using service = await start({ recovery: true, every: 0 }, moving({ rooms: true }))
    const client = await connect(service, { transports: ['polling'] })
    const other = await connect(service)
    const [member] = client.members
    if (!member) throw new Error('no member')
    const cast = (text: string): unknown => socketOf(other).emit('cast', '/a', text)
    cast('first')
    await expect.poll(() => member.news, patient).toEqual(['first'])
    const { socket, id } = member
    client.manager.reconnectionDelay(1_000)
    client.manager.randomizationFactor(0)
    const left = next(socket, 'disconnect')
    const back = next(socket, 'connect')
    await service.handOver()
    await left
    cast('second')
    await back
    expect([socket.recovered, socket.id]).toEqual([true, id])
    await expect.poll(() => member.news, patient).toEqual(['first', 'second'])
    cast('third')
    await expect.poll(() => member.news, patient).toEqual(['first', 'second', 'third'])
    await service.gone(service.pid)
    expect(await pidOf(client)).toBe(service.current)
    await service.stop()
  })
})

test('who polls reconnects', async () => {
  await using service = await start({ every: 0 })
  const client = await connect(service, { transports: ['polling'] })
  await service.handOver()
  await expect.poll(() => pidOf(client), patient).toBe(service.current)
  await service.gone(service.pid)
  await service.stop()
})

test('clients of a Socket.IO that is different inside reconnect, and a warning says why', async () => {
  await using service = await start({ every: 0, strange: true }, moving({ within: 500 }))
  const clients = [await connect(service), await connect(service)]
  await service.untilStderr(/not known \(it has no upgrading of its connection\)/)
  const successor = await service.handOver()
  for (const client of clients) await expect.poll(() => pidOf(client), patient).toBe(successor)
  await service.gone(service.pid)
  // Once in each process.
  expect(service.stderr.match(/is not known/g)).toHaveLength(2)
  await service.stop()
})

test('at a final stop all are told to go, and may come back', async () => {
  await using service = await start({ every: 0 })
  const client = await connect(service)
  service.signal('SIGTERM')
  await expect
    .poll(() => client.faults, patient)
    .toContainEqual(expect.stringMatching(/transport close/))
  expect(socketOf(client).active).toBe(true)
  await service.ended
})
