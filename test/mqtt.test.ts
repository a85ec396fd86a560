// MQTT over upgrades, by a broker whose connections move: the example.
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { generate } from 'mqtt-packet'
import { expect, test } from 'vitest'
import { commandsOf, root, startExample } from './support/example.js'
import { Fleet } from './support/fleet.js'
import { Mosquitto } from './support/mosquitto.js'
import { Crowd, Talker } from './support/mqtt.js'
import { fixture, type Service } from './support/service.js'
import { tool } from './support/tool.js'
import { Wire } from './support/wire.js'

const upgrades = 5
const count = 50
const server = join(root, 'examples/mqtt/server.js')

function start(): Promise<Service> {
  const [command] = commandsOf('mqtt')
  if (!command) throw new Error('mqtt has no command')
  return startExample(command)
}

function drains(service: Service): unknown[] {
  const ends = service.all({ event: 'drain', phase: 'end' })
  return ends.map(({ moved, drained, cut }) => ({ moved, drained, cut }))
}

/** A successor that has all connections. */
async function upgrade(service: Service, connections: number): Promise<void> {
  await service.upgrade()
  expect(drains(service).at(-1)).toEqual({ moved: connections, drained: 0, cut: 0 })
}

test.each([
  ['itself', 0],
  ['another', 1],
])(
  '50 clients of which each hears %s, by QoS 0, 1 and 2, over five upgrades: none is closed, nothing is lost, doubled or out of order',
  async (_, ahead) => {
    await using service = await start()
    const crowd = await Crowd.connect(service.port(), count, ahead)
    for (let n = 0; n < upgrades; n++) await upgrade(service, count)
    expect(await crowd.stop(upgrades)).toEqual([])
    await service.stop()
  },
)

test('under endless start: 50 clients of two workers, of which each hears another, over two reloads', async () => {
  const preload = `--import=${pathToFileURL(fixture('report.js'))}`
  const env = { PORT: '0', NODE_OPTIONS: preload }
  await using fleet = await Fleet.start({ script: server, env })
  const crowd = await Crowd.connect(fleet.port, count, 1)
  for (let n = 0; n < 2; n++) await fleet.reload()
  expect(await crowd.stop(2)).toEqual([])
  await fleet.stop()
})

const [pub, sub] = [
  tool('mosquitto_pub', 'mosquitto-clients'),
  tool('mosquitto_sub', 'mosquitto-clients'),
]

test.skipIf(!pub || !sub)(
  'mosquitto_pub and mosquitto_sub, by QoS 0 and 1, over five upgrades: they connect once, and nothing is lost or doubled',
  async () => {
    await using service = await start()
    const port = service.port()
    for (const qos of ['0', '1']) {
      await using hearer = new Mosquitto(sub ?? '', port, ['-t', `m/${qos}`, '-q', qos])
      await hearer.until(() => hearer.lines.some((line) => line.startsWith('Subscribed')))
      await using speaker = new Mosquitto(pub ?? '', port, ['-t', `m/${qos}`, '-q', qos, '-l'])
      let [said, stopped] = [0, false]
      const speaking = (async () => {
        while (!stopped) {
          speaker.write(String(++said))
          await delay(5)
        }
      })()
      for (let n = 0; n < upgrades; n++) {
        const heard = hearer.numbers.length
        await upgrade(service, 2)
        await hearer.until(() => hearer.numbers.length > heard)
      }
      stopped = true
      await speaking
      await speaker.end()
      await hearer.until(() => hearer.numbers.length >= said)
      expect(hearer.numbers).toEqual(Array.from({ length: said }, (_, n) => n + 1))
      expect([hearer.connects, speaker.connects]).toEqual([1, 1])
    }
    await service.stop()
  },
)

test('a message that is retained goes along, and is not told again to who has it', async () => {
  await using service = await start()
  const [one, two] = [
    await Talker.connect(service.port(), 'one'),
    await Talker.connect(service.port(), 'two'),
  ]
  await one.client.publishAsync('news', '1', { retain: true, qos: 1 })
  await two.client.subscribeAsync('news', { qos: 1 })
  await two.inbox.until('news', 1)
  await upgrade(service, 2)
  const three = await Talker.connect(service.port(), 'three')
  await three.client.subscribeAsync('news', { qos: 1 })
  await three.inbox.until('news', 1)
  await one.client.publishAsync('news', '2', { qos: 1 })
  await Promise.all([two, three].map(({ inbox }) => inbox.until('news', 2)))
  expect([two, three].map(({ inbox }) => inbox.received.get('news'))).toEqual([
    [1, 2],
    [1, 2],
  ])
  await Promise.all([one, two, three].map((talker) => talker.end()))
  await service.stop()
})

test('a will goes along: nobody is said to have left by an upgrade, and who is cut off later is', async () => {
  await using service = await start()
  const will = { topic: 'left', payload: Buffer.from('1'), qos: 1, retain: false } as const
  const [cut, leaves, hearer] = [
    await Talker.connect(service.port(), 'cut', { will }),
    await Talker.connect(service.port(), 'leaves', {
      will: { ...will, payload: Buffer.from('2') },
    }),
    await Talker.connect(service.port(), 'hearer'),
  ]
  await hearer.client.subscribeAsync(['left', 'mark'], { qos: 1 })
  for (let n = 0; n < 2; n++) await upgrade(service, 3)
  await hearer.client.publishAsync('mark', '1', { qos: 1 })
  await hearer.inbox.until('mark', 1)
  expect(hearer.inbox.received.get('left')).toBeUndefined()
  await leaves.end()
  await cut.cut()
  await hearer.inbox.until('left', 1)
  expect(hearer.inbox.received.get('left')).toEqual([1])
  await hearer.end()
  await service.stop()
})

test('the session of a client that is away goes along, with what waits for it', async () => {
  await using service = await start()
  const session = { clean: false }
  const away = await Talker.connect(service.port(), 'away', session)
  await away.client.subscribeAsync('post/#', { qos: 1 })
  await away.end()
  const sender = await Talker.connect(service.port(), 'sender')
  await sender.client.publishAsync('post/a', '1', { qos: 1 })
  await upgrade(service, 1)
  await sender.client.publishAsync('post/a', '2', { qos: 1 })
  const back = await Talker.connect(service.port(), 'away', session)
  await sender.client.publishAsync('post/a', '3', { qos: 1 })
  await back.inbox.until('post/a', 3)
  expect(back.inbox.received.get('post/a')).toEqual([1, 2, 3])
  await Promise.all([sender, back].map((talker) => talker.end()))
  await service.stop()
})

test('what a session that outlives its connection has not acknowledged comes again, from the successor', async () => {
  await using service = await start()
  const wire = await Wire.connect(service.port(), 'forgetful', false)
  wire.say({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] })
  await wire.until('suback')
  wire.say({
    cmd: 'publish',
    topic: 'a',
    payload: 'x',
    qos: 1,
    messageId: 2,
    dup: false,
    retain: false,
  })
  const first = await wire.until('publish')
  await upgrade(service, 1)
  // The successor has it.
  wire.say({ cmd: 'pingreq' })
  await wire.until('pingresp')
  expect(wire.packets.filter(({ cmd }) => cmd === 'publish')).toHaveLength(1)
  wire.socket.destroy()
  const again = await Wire.connect(service.port(), 'forgetful', false)
  const { payload, topic } = await again.until('publish')
  expect({ payload, topic }).toEqual({ payload: first.payload, topic: 'a' })
  again.socket.destroy()
  await service.stop()
})

test('half a packet goes along, and a handshake of QoS 2 that is half done', async () => {
  await using service = await start()
  const wire = await Wire.connect(service.port(), 'slow')
  wire.say({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 2 }] })
  await wire.until('suback')
  const message = { cmd: 'publish', topic: 'a', qos: 2, dup: false, retain: false } as const
  wire.say({ ...message, payload: 'x', messageId: 2 })
  await wire.until('pubrec')
  const { messageId = 0 } = await wire.until('publish')
  const next = generate({ ...message, payload: 'y', messageId: 3 })
  wire.socket.write(next.subarray(0, 5))
  await upgrade(service, 1)
  wire.socket.write(next.subarray(5))
  await wire.until('pubrec', 2)
  expect(String((await wire.until('publish', 2)).payload)).toBe('y')
  wire.say({ cmd: 'pubrel', messageId: 2 })
  expect((await wire.until('pubcomp')).messageId).toBe(2)
  wire.say({ cmd: 'pubrec', messageId })
  expect((await wire.until('pubrel')).messageId).toBe(messageId)
  wire.say({ cmd: 'pubcomp', messageId })
  expect(wire.isOpen).toBe(true)
  wire.socket.destroy()
  await service.stop()
})

test('one whose handshake of QoS 2 the session has to keep stays, and is closed when its client comes again', async () => {
  await using service = await start()
  const wire = await Wire.connect(service.port(), 'twice', false)
  wire.say({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 2 }] })
  await wire.until('suback')
  const message = { cmd: 'publish', topic: 'a', dup: false, retain: false } as const
  wire.say({ ...message, payload: 'x', qos: 2, messageId: 2 })
  const { messageId = 0 } = await wire.until('publish')
  const successor = await service.handOver()
  const other = await Talker.connect(service.port(), 'other')
  await other.client.publishAsync('a', 'y')
  // Of the successor, where its client is not.
  expect(String((await wire.until('publish', 2)).payload)).toBe('y')
  wire.say({ cmd: 'pubrec', messageId })
  await wire.until('pubrel')
  expect(service.all({ event: 'drain', phase: 'end' })).toEqual([])
  const again = await Wire.connect(service.port(), 'twice', false)
  await service.gone(service.pid)
  expect(drains(service)).toEqual([{ moved: 0, drained: 1, cut: 0 }])
  expect(service.current).toBe(successor)
  expect(wire.isOpen).toBe(false)
  again.socket.destroy()
  await other.end()
  await service.stop()
})
