// Next.js behind a server of one's own, as docs/recipes.md has it, and by its own command with the preload;
// after a real build.
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { Reply } from '../../support/client/index.js'
import { startRecipe, stopOf, upgradesOf } from '../../support/recipe.js'

const { resolve } = createRequire(import.meta.url)
const cwd = join(import.meta.dirname, 'recipes/next')
const env = { NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' }
const routes = { slow: '/slow' }
const next = resolve('next/dist/bin/next')

beforeAll(() => {
  execFileSync(process.execPath, [next, 'build'], { cwd, env: { ...process.env, ...env } })
})

test('next: upgrades lose nothing, and what after() has begun is done at the end', async () => {
  await using service = await startRecipe('server.js', { cwd, env })
  const check = ({ body }: Reply): string | undefined =>
    /hello from <!-- -->\d+<|^done\n$/.test(body.toString()) ? undefined : 'another page'
  await upgradesOf(service, { ...routes, check })
  expect((await stopOf(service, routes)).body.toString()).toBe('done\n')
  // One for each response of each generation, though each takes longer than its drain.
  const asked = service.all({ event: 'request' })
  expect(service.stderr.match(/^after the response$/gm)).toHaveLength(asked.length)
})

test('next start with the preload: upgrades lose nothing, a stop answers what is in flight', async () => {
  const options = { execArgv: ['--import', '@endlessjs/core/auto'], args: ['start'] }
  const defaults = { ENDLESS_OPTIONS: '{"probation":0,"slowStart":0}' }
  await using service = await startRecipe(next, { cwd, env: { ...env, ...defaults }, ...options })
  await upgradesOf(service, routes)
  expect((await stopOf(service, routes)).body.toString()).toBe('done\n')
})
