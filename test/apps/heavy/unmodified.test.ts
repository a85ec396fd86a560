// Apps that know nothing of us, started with the preload.
import { expect, test } from 'vitest'
import { startRecipe, stopOf, upgradesOf } from '../../support/recipe.js'

const routes = { slow: '/slow' }
const execArgv = ['--import', '@endlessjs/core/auto']
const env = { ENDLESS_OPTIONS: '{"probation":0,"slowStart":0}' }

test.each(['nest-express', 'nest-fastify'])(
  '%s: upgrades lose nothing and nobody connects again, a stop answers what is in flight',
  async (name) => {
    const cwd = import.meta.dirname
    await using service = await startRecipe(`unmodified/${name}.js`, { cwd, execArgv, env })
    await upgradesOf(service, routes)
    expect((await stopOf(service, routes)).status).toBe(200)
  },
)
