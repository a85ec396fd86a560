// verdaccio, a real app on Express 4, as docs/recipes.md has it; its packages come from a slow registry.
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import type { Reply } from '../../support/client/index.js'
import { startRecipe, stopOf, upgradesOf } from '../../support/recipe.js'
import { temporaryDirectory } from '../../support/service.js'

/** A registry that has every package, and takes its time for those with "slow" in their name. */
async function registry(): Promise<string> {
  const server = createServer(async ({ url = '' }, response) => {
    const name = url.slice(1)
    if (name.includes('slow')) await delay(300)
    const dist = { tarball: `http://localhost/${name}.tgz`, shasum: '0'.repeat(40) }
    const versions = { '1.0.0': { name, version: '1.0.0', dist } }
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify({ name, versions, 'dist-tags': { latest: '1.0.0' } }))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

function configOf(url: string): { CONFIG: string } {
  const directory = temporaryDirectory()
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const CONFIG = join(directory, 'config.yaml')
  mkdirSync(join(directory, 'storage'))
  writeFileSync(
    CONFIG,
    `storage: ${directory}/storage
web: { enable: false }
auth: { htpasswd: { file: ${directory}/htpasswd } }
uplinks: { far: { url: '${url}', maxage: 0s } }
packages: { '**': { access: $all, proxy: far } }
log: { type: stdout, format: json, level: error }
`,
  )
  return { CONFIG }
}

test('verdaccio: upgrades lose nothing, a stop answers what is in flight', async () => {
  const env = configOf(await registry())
  await using service = await startRecipe(join(import.meta.dirname, 'recipes/verdaccio.js'), {
    env,
  })
  const check = ({ body }: Reply): string | undefined =>
    JSON.parse(body.toString()).versions['1.0.0'] ? undefined : 'no such version'
  const routes = { quick: '/package', slow: '/slow-package', check }
  await upgradesOf(service, routes)
  const { body } = await stopOf(service, routes)
  expect(JSON.parse(body.toString())).toMatchObject({ name: 'slow-package' })
})
