// NestJS on Express and on Fastify, as docs/recipes.md has it, and with its own shutdown hooks instead.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startRecipe, stopOf, upgradesOf } from '../../support/recipe.js'
import type { Service } from '../../support/service.js'

const routes = { slow: '/slow' }

function start(script: string, env: Record<string, string> = {}): Promise<Service> {
  return startRecipe(join(import.meta.dirname, script), { env })
}

const times = (service: Service, line: string): number =>
  service.stderr.split('\n').filter((one) => one === line).length

test.each(['nest-express', 'nest-fastify'])(
  '%s: upgrades lose nothing, and each generation shuts down after its last request',
  async (name) => {
    await using service = await start(`recipes/${name}.js`)
    await upgradesOf(service, routes)
    // The last one when its probation is over.
    await expect.poll(() => times(service, 'store closed'), { timeout: 10_000 }).toBe(3)
    const { status, body } = await stopOf(service, routes)
    expect([status, body.toString()]).toEqual([200, 'done\n'])
    expect(times(service, 'store closed')).toBe(4)
    expect(times(service, 'shut down')).toBe(4)
  },
)

const platforms = ['express', 'fastify']

test.each(platforms)(
  'Nest on %s with enableShutdownHooks(): HUP is taken over, and upgrades lose nothing',
  async (PLATFORM) => {
    await using service = await start('fixtures/nest-hooks.js', { PLATFORM })
    await service.untilStderr(/SIGHUP means upgrade here: taken over from NestJS/)
    await upgradesOf(service, routes)
    expect(times(service, 'store closed')).toBe(0)
  },
)

test.each(platforms)(
  "Nest on %s with enableShutdownHooks(['SIGTERM']): upgrades lose nothing, a stop closes what requests in flight need",
  async (PLATFORM) => {
    const SIGNALS = '["SIGTERM"]'
    await using service = await start('fixtures/nest-hooks.js', { PLATFORM, SIGNALS })
    await service.untilStderr(/SIGTERM is handled by others as well \(/)
    await upgradesOf(service, routes)
    // Nobody has called them: they are for a signal that did not come.
    expect(times(service, 'store closed')).toBe(0)
    await expect(stopOf(service, routes)).rejects.toThrow(/status 500/)
  },
)
