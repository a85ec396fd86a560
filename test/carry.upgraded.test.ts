// Connections that HTTP has upgraded move, with what the app knows of them: their handshake is replayed.
import { expect, test } from 'vitest'
import { Fleet } from './support/fleet.js'
import { LineClient, LineCrowd } from './support/lines.js'
import { Raw } from './support/raw.js'
import { fixture, Service, type StartOptions } from './support/service.js'

const script = fixture('lines.js')
const patient = { timeout: 10_000 }

const start = (options: Partial<StartOptions> = {}): Promise<Service> =>
  Service.start({ script, env: { UPGRADED: '1' }, ...options })

function upgradeAll(port: number, count: number): Promise<LineClient[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => LineClient.upgrade(port, `n${n}`)))
}

/** @returns what is said of it last */
async function endOf(client: LineClient): Promise<readonly string[]> {
  await expect.poll(() => client.isOpen, patient).toBe(false)
  return client.faults
}

test('100 clients that never pause, over four upgrades: none is closed, nothing is lost or said twice', async () => {
  await using service = await start()
  const clients = await upgradeAll(service.port(), 100)
  const crowd = new LineCrowd(clients, (n, client) => `${n} ${client % 4 === 0 ? client % 50 : 0}`)
  for (let n = 0; n < 4; n++) {
    // An app that thinks about a handshake for a while: what its client says meanwhile waits.
    service.control({ ms: (n % 2) * 100 })
    const successor = await service.upgrade()
    await expect
      .poll(() => clients.every(({ answers }) => answers.at(-1)?.pid === successor), patient)
      .toBe(true)
  }
  expect(await crowd.stop()).toEqual([])
  const drains = service.all({ event: 'drain', phase: 'end' })
  expect(drains.map(({ moved, drained, cut }) => ({ moved, drained, cut }))).toEqual(
    Array(4).fill({ moved: 100, drained: 0, cut: 0 }),
  )
  expect(service.all({ event: 'left' })).toEqual([])
  // With the same request each time, and what was known of the client.
  const seen = service.all({ event: 'upgrade', name: 'n7' })
  expect(seen.map(({ url }) => url)).toEqual(Array(5).fill('/lines'))
  expect(seen.map(({ carried }) => carried !== undefined)).toEqual([false, true, true, true, true])
  for (const client of clients) client.end()
  await service.stop()
})

test('half a line goes along', async () => {
  await using service = await start()
  const client = await LineClient.upgrade(service.port(), 'a')
  await client.ask('first')
  const upgraded = service.upgrade()
  const { n, total, pid } = await client.ask('second', upgraded)
  expect({ n, total, pid }).toEqual({ n: 'second', total: 2, pid: await upgraded })
  client.end()
  await service.stop()
})

test('one that has said nothing since it came is not taken for a silent one: a stop does not end it', async () => {
  await using service = await start({ options: { idleGrace: 1, streamGrace: 60_000 } })
  const client = await LineClient.upgrade(service.port(), 'a')
  const pid = await service.upgrade()
  const silent = await Raw.open(service.port())
  // Accepted one after the other.
  const other = await LineClient.upgrade(service.port(), 'b')
  service.signal('SIGTERM')
  // The drain has looked at all of them.
  await silent.closed()
  expect(await client.ask('still here')).toMatchObject({ total: 1, pid })
  for (const one of [client, other]) one.end()
  await service.stop()
})

test('under endless start, over reloads', async () => {
  await using fleet = await Fleet.start({ workers: 2, script, env: { UPGRADED: '1' } })
  const clients = await upgradeAll(fleet.port, 40)
  const crowd = new LineCrowd(clients, (n, client) => `${n} ${client % 20}`)
  for (let n = 0; n < 2; n++) await fleet.reload()
  expect(await crowd.stop()).toEqual([])
  for (const client of clients) client.end()
  await fleet.stop()
})

test.each([
  ['401', /answered "HTTP\/1.1 401 Unauthorized"/],
  ['destroy', /the app ended the connection/],
  ['end', /the app ended the connection/],
  ['request', /answered "HTTP\/1.1 200 OK"/],
  ['never', /did not answer for 10000 ms/],
])(
  'a release that says %s to the handshake: the client reads none of it, and is let go',
  async (answer, why) => {
    await using service = await start()
    const [client, other] = (await upgradeAll(service.port(), 2)) as [LineClient, LineClient]
    await client.ask('first')
    service.control({ answer })
    const successor = await service.upgrade()
    await service.untilStderr(why)
    expect(await endOf(client)).toEqual(['closed'])
    expect(await endOf(other)).toEqual(['closed'])
    expect(client.answers).toHaveLength(1)
    service.signal('SIGTERM', successor)
    await service.ended
  },
)
