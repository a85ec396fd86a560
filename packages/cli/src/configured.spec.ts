import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CommanderError } from 'commander'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startCommand } from './commands/start.js'
import { Output } from './output.js'
import type { StartOptions } from './startoptions.js'

const here = process.cwd()
let directory = here
const output = new Output(process.stdout, process.stderr)

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'endless-config-'))
  process.chdir(directory)
})

afterEach(() => {
  process.chdir(here)
  rmSync(directory, { recursive: true })
})

async function parsed(...argv: string[]): Promise<StartOptions | undefined> {
  let found: StartOptions | undefined
  const command = startCommand(output, async (_, options) => {
    found = options
  })
  command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} })
  await command.parseAsync(argv, { from: 'user' })
  return found
}

async function refusal(...argv: string[]): Promise<string> {
  const error: unknown = await parsed(...argv).catch((thrown: unknown) => thrown)
  if (!(error instanceof CommanderError)) throw new Error(`expected a refusal, got ${error}`)
  return error.message
}

function write(name: string, text: string): void {
  writeFileSync(join(directory, name), text)
}

describe('a file in this directory is read', () => {
  const values = `{ script: 'server.js', args: ['--port', 80], workers: 'max' }`
  const read = { script: 'server.js', args: ['--port', '80'], workers: 'max', nodeArgs: [] }

  test.each([
    ['endless.config.js', `module.exports = ${values}`],
    ['endless.config.cjs', `module.exports = ${values}`],
    ['endless.config.mjs', `export default ${values}`],
  ])('%s', async (name, text) => {
    write(name, text)
    expect(await parsed()).toEqual({ ...read, hooks: name })
  })

  test('endless.config.json, which has no hooks', async () => {
    write('endless.config.json', `{"script":"server.js","args":["--port",80],"workers":"max"}`)
    expect(await parsed()).toEqual(read)
  })

  test('and none above it', async () => {
    write('endless.config.js', `module.exports = ${values}`)
    process.chdir(mkdtempSync(join(directory, 'below-')))
    expect(await refusal()).toMatch(/missing required argument 'script'/)
    expect(await parsed('a.js')).toEqual({ script: 'a.js', args: [], nodeArgs: [] })
  })
})

test('--config names another one, which is passed on as it was given', async () => {
  write('endless.config.js', 'throw new Error("not this one")')
  write('shop.mjs', `export default { script: 'shop.js' }`)
  expect(await parsed('--config', 'shop.mjs')).toMatchObject({
    script: 'shop.js',
    hooks: 'shop.mjs',
  })
  const path = join(directory, 'shop.mjs')
  expect(await parsed(`--config=${path}`)).toMatchObject({ script: 'shop.js', hooks: path })
})

test('every option, as a supervisor needs it', async () => {
  const values = {
    script: 'server.js',
    workers: 4,
    name: 'shop',
    control: 'run/a.sock',
    hammerTime: 60_000,
    readyTimeout: '10s',
    probation: 0,
    shutdownDelay: '3s',
    surge: 2,
    maxMemory: '512M',
    maxAge: '12h',
    maxRequests: 100_000,
    maxRestarts: 5,
    hangTimeout: '30s',
    onCrash: 'handover',
    prefix: true,
    nodeArgs: ['--import', 'tsx'],
    interpreter: '/opt/node',
    cwd: '/srv/app',
    waitReady: true,
    rebalance: true,
    env: { PORT: 80, DEBUG: 'shop', NOTHING: undefined },
  }
  write('endless.config.json', JSON.stringify(values))
  const all = {
    ...values,
    args: [],
    readyTimeout: 10_000,
    shutdownDelay: 3_000,
    maxMemory: 536_870_912,
    maxAge: 43_200_000,
    hangTimeout: 30_000,
    env: { PORT: '80', DEBUG: 'shop' },
  }
  expect(await parsed()).toEqual(all)
  write('endless.config.json', JSON.stringify({ ...values, nodeArgs: '--import  tsx' }))
  expect(await parsed()).toEqual(all)
})

test('the command line wins', async () => {
  const values = { script: 'a.js', args: ['x'], workers: 4, prefix: true, nodeArgs: ['--inspect'] }
  write('endless.config.json', JSON.stringify(values))
  expect(await parsed('-w', '2', '--no-prefix', '--expose-gc')).toMatchObject({
    script: 'a.js',
    args: ['x'],
    workers: 2,
    prefix: false,
    nodeArgs: ['--inspect', '--expose-gc'],
  })
  // The arguments are those of the script.
  expect(await parsed('b.js', 'y')).toMatchObject({ script: 'b.js', args: ['y'], workers: 4 })
  expect(await parsed('b.js')).toMatchObject({ script: 'b.js', args: [] })
})

test('hooks are looked at, and left to the workers', async () => {
  write('endless.config.mjs', `export default { script: 'a.js', beforeReady() {}, hooks: {} }`)
  expect(await parsed()).toEqual({
    script: 'a.js',
    args: [],
    nodeArgs: [],
    hooks: 'endless.config.mjs',
  })
})

test.each([
  [{ wokers: 4 }, /wokers: expected one of the keys script, args, env, workers, .*got "wokers"/],
  [{ config: 'b.js' }, /config: expected one of the keys/],
  [{ workers: 'many' }, /workers: expected a number of workers, or max, got "many"/],
  [{ workers: 0 }, /workers: expected a number of workers/],
  [{ workers: true }, /workers: expected a text or a number, got true/],
  [{ maxMemory: 'lots' }, /maxMemory: expected a size/],
  [{ hammerTime: -1 }, /hammerTime: expected a time/],
  [{ onCrash: 'pray' }, /onCrash: Allowed choices are exit, handover/],
  [{ rebalance: 'yes' }, /rebalance: expected true or false, got "yes"/],
  [{ prefix: 1 }, /prefix: expected true or false, got 1/],
  [{ script: 7 }, /script: expected a text, got 7/],
  [{ args: 'a b' }, /args: expected a list of texts, got "a b"/],
  [{ nodeArgs: [{}] }, /nodeArgs: expected a text, got {}/],
  [{ name: ['a'] }, /name: expected a text or a number/],
  [{ env: ['A=1'] }, /env: expected an object of texts/],
  [{ env: { A: {} } }, /env: expected a text, got {}/],
  [{ beforeReady: 'later' }, /beforeReady: .*expected a function/],
  [{ hooks: { before: {} } }, /hooks: .*only "pre" and "post"/],
  ['text', /expected an object with options/],
])('refused, with its file: %j', async (values, message) => {
  write('endless.config.json', JSON.stringify(values))
  const said = await refusal('a.js')
  expect(said).toMatch(message)
  expect(said).toMatch(/endless\.config\.json: /)
})

test('refused: a file that cannot be read', async () => {
  expect(await refusal('--config', 'gone.js', 'a.js')).toMatch(/gone\.js/)
  write('endless.config.mjs', 'export default {')
  expect(await refusal('a.js')).toMatch(/endless\.config\.mjs: /)
})
