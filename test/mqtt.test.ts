// MQTT over upgrades, by a broker whose connections move: the example.
import { expect, test } from 'vitest'
import { commandsOf, startExample } from './support/example.js'
import { Speech, Talker } from './support/mqtt.js'
import type { Service } from './support/service.js'

const upgrades = 5

function start(): Promise<Service> {
  const [command] = commandsOf('mqtt')
  if (!command) throw new Error('mqtt has no command')
  return startExample(command)
}

function connectAll(port: number, count: number): Promise<Talker[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => Talker.connect(port, `client ${n}`)))
}

/** Each upgrade moves them all, and everybody has heard something of the successor before the next one. */
async function upgradeAll(service: Service, times: number): Promise<void> {
  for (let n = 0; n < times; n++) await service.upgrade()
}

function moved(service: Service): unknown[] {
  const drains = service.all({ event: 'drain', phase: 'end' })
  return drains.map(({ moved, drained, cut }) => ({ moved, drained, cut }))
}

test('50 clients that hear themselves, with QoS 0, 1 and 2, over five upgrades: none is closed, nothing is lost, doubled or out of order', async () => {
  await using service = await start()
  const talkers = await connectAll(service.port(), 50)
  for (const [n, { client }] of talkers.entries()) await client.subscribeAsync(`${n}/+`, { qos: 2 })
  const speeches = talkers.map((talker, n) =>
    ([0, 1, 2] as const).map((qos) => new Speech(talker, `${n}/${qos}`, qos, 20 + n)),
  )
  await upgradeAll(service, upgrades)
  for (const all of speeches) await Promise.all(all.map((speech) => speech.stop()))
  for (const [n, talker] of talkers.entries()) {
    for (const { topic, said } of speeches[n] ?? []) {
      await talker.inbox.until(topic, said)
      expect(talker.inbox.faults(topic, said)).toEqual([])
    }
    expect(talker.faults).toEqual([])
  }
  expect(moved(service)).toEqual(Array(upgrades).fill({ moved: 50, drained: 0, cut: 0 }))
  await Promise.all(talkers.map((talker) => talker.end()))
  await service.stop()
})

test('each hears another', async () => {
  await using service = await start()
  const talkers = await connectAll(service.port(), 50)
  for (const [n, talker] of talkers.entries())
    await talker.client.subscribeAsync(`${(n + 1) % 50}/+`, { qos: 2 })
  const speeches = talkers.map((talker, n) =>
    ([0, 1, 2] as const).map((qos) => new Speech(talker, `${n}/${qos}`, qos, 20 + n)),
  )
  await upgradeAll(service, upgrades)
  for (const all of speeches) await Promise.all(all.map((speech) => speech.stop()))
  const faults = await Promise.all(
    talkers.map(async (talker, n) => {
      const heard = speeches[(n + 1) % 50] ?? []
      await Promise.all(heard.map(({ topic, said }) => talker.inbox.until(topic, said, 500)))
      return heard
        .flatMap(({ topic, said }) => talker.inbox.faults(topic, said))
        .concat(talker.faults)
    }),
  ).then((all) => all.flat())
  console.log(
    speeches.flat().reduce((sum, { said }) => sum + said, 0),
    faults.length,
    faults.slice(0, 20),
  )
  expect(moved(service)).toEqual(Array(upgrades).fill({ moved: 50, drained: 0, cut: 0 }))
  await Promise.all(talkers.map((talker) => talker.end()))
  await service.stop()
})
