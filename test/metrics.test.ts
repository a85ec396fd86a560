// The examples of gauges and counters, as Prometheus and as an SDK of OpenTelemetry finds them.
import { expect, test } from 'vitest'
import { request } from './support/client/index.js'
import { commandsOf, startExample } from './support/example.js'
import { get, Raw } from './support/raw.js'
import type { Service } from './support/service.js'

const [prometheus, opentelemetry] = commandsOf('metrics')
const patient = { timeout: 10_000 }

async function idle(service: Service): Promise<Raw> {
  const raw = await Raw.open(service.port())
  raw.write(get('/'))
  await raw.until((text) => text.endsWith('}'))
  return raw
}

async function scrape(service: Service): Promise<Record<string, number>> {
  const target = { port: service.port() }
  const { body, headers } = await request({ target, method: 'GET', url: '/metrics' })
  expect(headers['content-type']).toMatch(/^text\/plain/)
  const lines = body.toString().split('\n')
  const samples = lines.filter((line) => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(
    samples.map((line) => {
      const [name = '', value] = line.split(' ')
      return [name, Number(value)]
    }),
  )
}

test('prom-client: no counter goes back at an upgrade', async () => {
  if (!prometheus) throw new Error('no command')
  await using service = await startExample(prometheus)
  expect(await scrape(service)).toEqual({
    endless_generation: 0,
    'endless_upgrades_total{outcome="succeeded"}': 0,
    'endless_upgrades_total{outcome="failed"}': 0,
    'endless_drained_connections_total{end="moved"}': 0,
    'endless_drained_connections_total{end="drained"}': 0,
    'endless_drained_connections_total{end="cut"}': 0,
    'endless_connections{kind="active"}': 1,
    'endless_connections{kind="idle"}': 0,
    'endless_connections{kind="silent"}': 0,
    'endless_connections{kind="partial"}': 0,
    'endless_connections{kind="upgraded"}': 0,
    endless_requests_in_flight: 1,
    endless_draining_generations: 0,
  })
  const kept = await idle(service)
  for (const generation of [1, 2]) {
    await service.upgrade()
    await expect
      .poll(() => scrape(service), patient)
      .toMatchObject({
        endless_generation: generation,
        'endless_upgrades_total{outcome="succeeded"}': generation,
        'endless_drained_connections_total{end="moved"}': generation,
        'endless_drained_connections_total{end="cut"}': 0,
        'endless_connections{kind="idle"}': 1,
        endless_draining_generations: 0,
      })
  }
  kept.socket.destroy()
  await service.stop()
})

test('OpenTelemetry: the same, by its API alone', async () => {
  if (!opentelemetry) throw new Error('no command')
  await using service = await startExample(opentelemetry, {}, ['opentelemetry.js'])
  const kept = await idle(service)
  const pid = await service.upgrade()
  const values = (): unknown => service.all({ event: 'metrics', pid }).at(-1)?.values
  await expect.poll(values, patient).toMatchObject({
    'endless.generation': 1,
    'endless.upgrades succeeded': 1,
    'endless.upgrades failed': 0,
    'endless.drained_connections moved': 1,
    'endless.drained_connections cut': 0,
    'endless.connections idle': 1,
    'endless.requests_in_flight': 0,
    'endless.draining_generations': 0,
  })
  kept.socket.destroy()
  await service.stop()
})

test('OpenTelemetry without an SDK: nothing happens', async () => {
  if (!opentelemetry) throw new Error('no command')
  await using service = await startExample(opentelemetry)
  await service.upgrade()
  await service.stop()
})
