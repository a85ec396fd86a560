// WebSockets that cannot move are told to come back; what dies takes only its own with it.
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { get } from './support/raw.js'
import { fixture, Service, type StartOptions } from './support/service.js'
import { WebSocketClient } from './support/websockets.js'

const script = fixture('websockets.js')
const patient = { timeout: 15_000 }
const restart = { code: 1012, reason: 'service restart' }

const start = (control: object, options: Partial<StartOptions> = {}): Promise<Service> =>
  Service.start({ script, args: ['http'], control, ...options })

const within = (ms: number) => ({ env: { MOVING: JSON.stringify({ within: ms, over: 0 }) } })

async function talking(service: Service, ms = 0, deflate = false): Promise<WebSocketClient> {
  const client = await WebSocketClient.connect(service.port(), 'a', { ms: () => ms, deflate })
  client.talk()
  await expect.poll(() => client.answers, patient).toBeGreaterThan(0)
  return client
}

const closeOf = (client: WebSocketClient) => expect.poll(() => client.closed, patient)
const servedBy = (client: WebSocketClient) => expect.poll(() => client.pids.at(-1), patient)

describe('a release that', () => {
  test.each<[string, object, object]>([
    ['refuses the handshake', {}, { refuse: true }],
    ['speaks no permessage-deflate any more', { deflate: true }, { deflate: false }],
    [
      'speaks another permessage-deflate',
      { deflate: true },
      { deflate: { serverNoContextTakeover: true } },
    ],
    ['speaks another protocol', { protocol: 'a' }, { protocol: 'b' }],
  ])('%s: the client is told to come back', async (_, first, next) => {
    await using service = await start(first)
    // It asks for both: what is agreed on is the server's to say.
    const socket = await WebSocketClient.connect(service.port(), 'a', {
      deflate: true,
      protocols: ['a', 'b'],
    })
    socket.talk()
    await expect.poll(() => socket.answers, patient).toBeGreaterThan(0)
    service.control(next)
    await service.upgrade()
    await closeOf(socket).toEqual(restart)
    await service.gone(service.pid)
    await service.stop()
  })
})

test('a state that throws: its WebSocket is told to come back, and the log says why', async () => {
  await using service = await start({ state: 'throw' }, within(500))
  const client = await talking(service)
  await service.handOver()
  await closeOf(client).toEqual(restart)
  await service.untilStderr(/cannot move with its state, and drains: no state/)
  await service.stop()
})

test('an async handler of two seconds is waited for, and answers', async () => {
  await using service = await start({})
  const client = await WebSocketClient.connect(service.port(), 'a', {
    ms: () => 2_000,
    pause: () => 10_000,
  })
  client.talk()
  const upgraded = service.upgrade()
  const faults = await client.stop()
  expect(faults).toEqual([])
  expect(client.pids).toEqual([service.pid])
  const next = await upgraded
  await service.gone(service.pid)
  client.talk()
  await servedBy(client).toBe(next)
  client.end()
  await service.stop()
})

test('a handler that never settles: its client is told to come back within its time', async () => {
  await using service = await start({}, within(500))
  const client = await WebSocketClient.connect(service.port(), 'a', { ms: () => 60_000 })
  const other = await talking(service)
  client.talk()
  await service.handOver()
  await closeOf(client).toEqual(restart)
  expect(await other.stop()).toEqual([])
  other.end()
  await service.gone(service.pid)
  const end = await service.until({ event: 'drain', phase: 'end' })
  expect(end).toMatchObject({ moved: 1, drained: 1, cut: 0, told: 1 })
  await service.untilStderr(/1 connections moved .*, 1 ended here, 1 WebSockets told to come back/)
  await service.stop()
})

test('half a message: it is waited for, and it moves when the rest has come', async () => {
  await using service = await start({})
  const client = await talking(service)
  await client.pause()
  client.send('{"n":1,', { fin: false })
  const successor = await service.handOver()
  const other = await WebSocketClient.connect(service.port(), 'b')
  other.talk()
  await servedBy(other).toBe(successor)
  client.send('"ms":0}', { fin: true })
  await service.gone(service.pid)
  client.talk()
  await servedBy(client).toBe(successor)
  expect(await client.stop()).toEqual([])
  for (const one of [client, other]) one.end()
  await service.stop()
})

/** 20 MB of it wait in the old process. */
async function unread(ms: number): Promise<[Service, WebSocketClient]> {
  const control = { bytes: 2_000_000, backlog: 20_000_000 }
  const service = await start(control, within(ms))
  const client = await talking(service)
  client.socket.pause()
  service.control({})
  await service.until({ event: 'backlog' })
  return [service, client]
}

test('20 MB that a client does not read: it gets all of it in order, and moves then', async () => {
  const [started, client] = await unread(30_000)
  await using service = started
  const successor = await service.handOver()
  client.socket.resume()
  await expect.poll(() => client.pids.at(-1), { timeout: 40_000 }).toBe(successor)
  expect(await client.stop()).toEqual([])
  client.end()
  await service.stop()
})

test('who does not read 20 MB within its time gets all of it, and is told to come back', async () => {
  const [started, client] = await unread(500)
  await using service = started
  const { pid } = service
  await service.handOver()
  await service.until({ event: 'closing' })
  client.socket.resume()
  await closeOf(client).toEqual(restart)
  expect(client.faults).toEqual([])
  await service.until({ event: 'drain', phase: 'end', moved: 0, told: 1 })
  await service.gone(pid)
  await service.stop()
})

test('a successor that dies on probation: those that it had are gone, the others are served on', async () => {
  await using service = await start({}, { options: { probation: 60_000 } })
  const client = await talking(service)
  const successor = await service.handOver()
  await servedBy(client).toBe(successor)
  service.signal('SIGKILL', successor)
  await service.until({ event: 'state', from: 'draining', to: 'ready', pid: service.pid })
  await closeOf(client).toMatchObject({ code: 1006 })
  const next = await talking(service)
  expect(next.pids).toEqual([service.pid])
  expect(await next.stop()).toEqual([])
  next.end()
  service.signal('SIGTERM', service.pid)
  await service.ended
})

test('a successor that hangs: its WebSockets are served here, and move when it goes on', async () => {
  await using service = await start({}, { options: { probation: 60_000 } })
  const clients = await Promise.all(Array.from({ length: 20 }, () => talking(service, 30)))
  const successor = await service.handOver()
  service.signal('SIGSTOP', successor)
  const answered = clients.map(({ answers }) => answers)
  const here = clients.filter(({ pids }) => pids.at(-1) === service.pid)
  await expect
    .poll(() => here.every((one) => one.answers > (answered[clients.indexOf(one)] ?? 0)), patient)
    .toBe(true)
  service.signal('SIGCONT', successor)
  for (const client of clients) await servedBy(client).toBe(successor)
  for (const client of clients) {
    expect(await client.stop()).toEqual([])
    client.end()
  }
  service.signal('SIGTERM', successor)
  await service.ended
})

test('a predecessor that is killed in the midst of it: who has moved notices nothing, the others are closed', async () => {
  await using service = await start({})
  // They are busy, until the others have moved.
  const busy = await Promise.all(Array.from({ length: 5 }, () => talking(service, 1_000)))
  const free = await Promise.all(Array.from({ length: 20 }, () => talking(service)))
  const successor = await service.handOver()
  for (const client of free) await servedBy(client).toBe(successor)
  service.signal('SIGKILL', service.pid)
  for (const client of busy)
    await expect
      .poll(() => client.closed?.code === 1006 || client.pids.at(-1) === successor, patient)
      .toBe(true)
  for (const client of free) {
    expect(await client.stop()).toEqual([])
    client.end()
  }
  for (const client of busy) client.end()
  service.signal('SIGTERM', successor)
  await service.ended
})

test('a final stop says 1001', async () => {
  await using service = await start({})
  const client = await talking(service)
  service.signal('SIGTERM')
  await closeOf(client).toEqual({ code: 1001, reason: 'going away' })
  await service.ended
})

test('what a client says between the request and the 101 is not lost', async () => {
  await using service = await start({})
  const socket = connect(service.port(), '127.0.0.1')
  await once(socket, 'connect')
  // A handshake and a message at once, which nobody may do, and ws allows.
  const mask = Buffer.alloc(4)
  const text = Buffer.from('{"n":7}')
  socket.write(
    Buffer.concat([
      Buffer.from(
        `${get('/a').trimEnd()}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
          'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
      ),
      Buffer.of(0x81, 0x80 | text.length),
      mask,
      text,
    ]),
  )
  let heard = ''
  socket.on('data', (bytes) => {
    heard += bytes.toString('latin1')
  })
  await expect.poll(() => heard, patient).toContain('"n":7,"total":1')
  const successor = await service.upgrade()
  socket.write(Buffer.concat([Buffer.of(0x81, 0x80 | text.length), mask, text]))
  await expect.poll(() => heard, patient).toContain(`"n":7,"total":2,"pid":${successor}`)
  // The replayed handshake is nothing to its client.
  expect(heard.match(/HTTP\/1.1/g)).toHaveLength(1)
  socket.destroy()
  await service.stop()
})
