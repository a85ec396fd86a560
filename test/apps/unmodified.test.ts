// Apps that know nothing of us, started with the preload: what they are is as their docs have it.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startRecipe, stopOf, upgradesOf } from '../support/recipe.js'

const routes = { slow: '/slow' }
const preload = ['--import', '@endlessjs/core/auto']
// As a user has it, from the directory of the app; nobody waits for its probation.
const where = {
  cwd: import.meta.dirname,
  env: { ENDLESS_OPTIONS: '{"probation":0,"slowStart":0}' },
}

const apps: [script: string, execArgv: string[]][] = [
  ['express.js', preload],
  ['koa.js', preload],
  ['fastify.js', preload],
  ['hono.js', preload],
  ['http.js', preload],
  ['commonjs.cjs', ['-r', '@endlessjs/core/auto']],
  ['commonjs.cjs', preload],
  ['express.js', ['-r', '@endlessjs/core/auto']],
  ['typescript.ts', [...preload, '--import', 'tsx']],
]

test.concurrent.each(apps)(
  '%s with %j: upgrades lose nothing and nobody connects again, a stop answers what is in flight',
  async (script, execArgv) => {
    await using service = await startRecipe(join('unmodified', script), { ...where, execArgv })
    await upgradesOf(service, routes)
    expect((await stopOf(service, routes)).status).toBe(200)
  },
)
