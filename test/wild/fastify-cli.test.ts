// `fastify start`: it empties process.argv, and closes the app by every signal with close-with-grace.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { load, request } from '../support/client/index.js'
import { upgrades } from '../support/lossless.js'
import { get, Raw } from '../support/raw.js'
import { Service } from '../support/service.js'

const cli = createRequire(import.meta.url).resolve('fastify-cli/cli.js')
const app = join(import.meta.dirname, 'fixtures/cli-app.js')

function start(...flags: readonly string[]): Promise<Service> {
  return Service.start({ script: cli, args: ['start', '-p', '0', ...flags, app] })
}

test('fastify start: upgrades under load lose nothing', async () => {
  await using service = await start('-l', 'info')
  const target = { port: service.port() }
  const loads = [
    load({ target, connections: 8, url: '/pid', thinkTime: [0, 20] }),
    load({ target, connections: 2, url: '/pid', mode: 'new-connection', thinkTime: [0, 20] }),
  ]
  for (let n = 0; n < upgrades; n++) {
    await Promise.all(loads.map((one) => one.progress(5)))
    await service.upgrade()
  }
  for (const { failed, samples } of await Promise.all(loads.map((one) => one.stop())))
    expect(failed, samples.join('\n')).toBe(0)
  service.signal('SIGTERM', service.current)
  await service.ended
  // All but the last one, which the CLI ends.
  expect(service.all({ event: 'exit' }).map(({ code }) => code)).toEqual(Array(upgrades).fill(0))
})

test('fastify start: a stop answers what is in flight, within the time that the CLI gives', async () => {
  await using service = await start('--close-grace-delay', '5000')
  const target = { port: service.port() }
  const slow = request({ target, method: 'GET', url: '/slow?ms=800' })
  await request({ target, method: 'GET', url: '/pid' })
  service.signal('SIGTERM')
  expect((await slow).status).toBe(200)
  expect((await service.exited).code).toBe(0)
})

test('fastify start: an idle connection does not hold a stop for longer than the CLI waits', async () => {
  await using service = await start()
  const raw = await Raw.open(service.port())
  raw.write(get('/pid'))
  await raw.until((text) => text.endsWith('}'))
  service.signal('SIGTERM')
  expect((await service.exited).code).toBe(0)
  await raw.closed()
})
