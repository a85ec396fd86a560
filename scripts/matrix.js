// The whole suite on every Node that is supported, each from the npm registry: `npm run
// test:matrix`, or `npm run test:matrix -- 22 test/rollback.test.ts` for one of them and one file.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const supported = ['20', '22', '24', '26']
const root = join(import.meta.dirname, '..')
const home = join(root, '.matrix')
const asked = process.argv.slice(2)
const versions = supported.filter((version) => asked.includes(version))
const files = asked.filter((word) => !supported.includes(word))

function run(command, args, options) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', ...options })
  if (error) throw error
  return status === 0
}

function binary(version) {
  return join(home, 'node_modules', `node${version}`, 'bin', 'node')
}

const wanted = versions.length > 0 ? versions : supported
const missing = wanted.filter((version) => !existsSync(binary(version)))
if (missing.length > 0) {
  mkdirSync(home, { recursive: true })
  writeFileSync(join(home, 'package.json'), '{ "private": true }\n')
  // The binaries that the `node` package itself depends on, one per platform.
  const name = `node-${process.platform}-${process.arch}`
  const aliases = missing.map((version) => `node${version}@npm:${name}@${version}`)
  if (!run('npm', ['install', '--no-save', '--no-audit', '--no-fund', ...aliases], { cwd: home }))
    process.exit(1)
}

const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const failed = wanted.filter((version) => {
  console.log(`\n=== Node ${version}`)
  // What test/binary.test.ts changes between.
  const env = { ...process.env, ENDLESS_NODES: wanted.map(binary).join(',') }
  return !run(binary(version), [vitest, 'run', ...files], { cwd: root, env })
})
console.log(
  failed.length === 0
    ? `\nNode ${wanted.join(', ')}: all pass`
    : `\nFailed on Node ${failed.join(', ')}`,
)
process.exit(failed.length === 0 ? 0 : 1)
