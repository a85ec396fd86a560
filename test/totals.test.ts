// What a dashboard adds up over the generations, each of which is a new process.
import { expect, test } from 'vitest'
import { request } from './support/client/index.js'
import { Fleet } from './support/fleet.js'
import { get, Raw } from './support/raw.js'
import { fixture, Service } from './support/service.js'

const script = fixture('server.js')
const env = { FRAMEWORK: 'http', KEEP_ALIVE: '30000' }
/** A generation that has gone says it once more; then its pipe has to end here, too. */
const patient = { timeout: 10_000 }

async function totals(service: Service): Promise<unknown> {
  const target = { port: service.port() }
  const { body } = await request({ target, method: 'GET', url: '/status' })
  return (JSON.parse(body.toString()) as { totals: unknown }).totals
}

/** Keep-alive connections that have been used, and wait. */
async function idle(port: number, count: number): Promise<Raw[]> {
  const all = await Promise.all(Array.from({ length: count }, () => Raw.open(port)))
  for (const raw of all) {
    raw.write(get('/pid'))
    await raw.until((text) => text.endsWith('}'))
  }
  return all
}

test('each generation goes on counting where the one before it stopped', async () => {
  await using service = await Service.start({ script, env })
  expect(await totals(service)).toEqual({
    upgrades: { succeeded: 0, failed: 0 },
    connections: { moved: 0, drained: 0, cut: 0 },
  })
  service.control({ import: 'throw' })
  expect((await service.hup()).phase).toBe('failed')
  service.control({})
  const kept = await idle(service.port(), 3)
  const stream = await Raw.open(service.port())
  stream.write(get('/events?stays'))
  await stream.until((text) => text.includes('hello'))
  const second = await service.handOver()
  // While it drains, too.
  await expect
    .poll(() => totals(service), patient)
    .toEqual({
      upgrades: { succeeded: 1, failed: 1 },
      connections: { moved: 3, drained: 0, cut: 0 },
    })
  service.signal('SIGUSR2', service.pid)
  await service.gone(service.pid)
  const expected = {
    upgrades: { succeeded: 1, failed: 1 },
    connections: { moved: 3, drained: 0, cut: 1 },
  }
  await expect.poll(() => totals(service), patient).toEqual(expected)
  await service.upgrade()
  expect(service.all({ event: 'drain', phase: 'end', pid: second })).toMatchObject([{ moved: 3 }])
  await expect
    .poll(() => totals(service), patient)
    .toEqual({
      upgrades: { succeeded: 2, failed: 1 },
      connections: { moved: 6, drained: 0, cut: 1 },
    })
  for (const raw of kept) raw.socket.destroy()
  await service.stop()
})

test('a successor that dies on probation is an upgrade that failed', async () => {
  await using service = await Service.start({ script, env, options: { probation: 60_000 } })
  const successor = await service.handOver()
  service.signal('SIGKILL', successor)
  await service.until({ event: 'state', from: 'draining', to: 'ready', pid: service.pid })
  expect(await totals(service)).toMatchObject({ upgrades: { succeeded: 0, failed: 1 } })
  service.signal('SIGTERM', service.pid)
  await service.ended
})

test('of a fleet the supervisor counts', async () => {
  await using fleet = await Fleet.start({ workers: 2 })
  expect((await fleet.status()).totals).toEqual({
    upgrades: { succeeded: 0, failed: 0 },
    connections: { moved: 0, drained: 0, cut: 0 },
  })
  const kept = await idle(fleet.port, 8)
  fleet.service.control({ import: 'throw' })
  expect((await fleet.run('reload')).code).toBe(1)
  fleet.service.control({})
  for (const succeeded of [1, 2]) {
    await fleet.reload()
    await expect
      .poll(async () => (await fleet.status()).totals, patient)
      .toEqual({
        upgrades: { succeeded, failed: 1 },
        connections: { moved: 8 * succeeded, drained: 0, cut: 0 },
      })
  }
  for (const raw of kept) raw.socket.destroy()
  await fleet.stop()
})
