import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { endPreload, withoutPreload, withPreload } from './preload.js'

let directory = ''

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'endless-preload-'))
})

afterAll(() => rmSync(directory, { recursive: true }))

interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** What came by the channel, in one piece. */
  readonly words: string
}

/** Runs a script with the preload, as a successor is run. */
function run(name: string, code: string, options?: string, channel = true): Promise<Run> {
  const script = join(directory, name)
  writeFileSync(script, code)
  const env = withPreload({
    PATH: process.env.PATH,
    ...(options !== undefined && { NODE_OPTIONS: options }),
  })
  const child = spawn(process.execPath, [script], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', ...(channel ? (['pipe'] as const) : [])],
  })
  const got = { stdout: '', stderr: '', words: '' }
  child.stdout?.on('data', (chunk) => (got.stdout += chunk))
  child.stderr?.on('data', (chunk) => (got.stderr += chunk))
  const far = child.stdio[3] as Readable | null
  if (far)
    createInterface({ input: far }).on('line', (line) => {
      const message = JSON.parse(line) as { endless: string; text: string }
      expect(message.endless).toBe('stderr')
      got.words += message.text
    })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (exit) => resolve({ code: exit, ...got }))
  })
}

describe('the environment', () => {
  test.each([
    undefined,
    '--enable-source-maps',
    '--require "./my file.js"  --max-old-space-size=512',
    '--import=data:text/javascript,1',
  ])('with and then without the preload is as it was: NODE_OPTIONS %s', (options) => {
    const env = { PATH: '/bin', ...(options !== undefined && { NODE_OPTIONS: options }) }
    const loaded = withPreload(env)
    expect(loaded).toMatchObject({ PATH: '/bin' })
    expect(loaded.NODE_OPTIONS).not.toBe(options)
    expect(withoutPreload(loaded)).toEqual(env)
  })

  test('is copied, not changed', () => {
    const env = Object.freeze({ NODE_OPTIONS: '--no-warnings' })
    const loaded = Object.freeze(withPreload(env))
    withoutPreload(loaded)
    expect(env.NODE_OPTIONS).toBe('--no-warnings')
  })

  test("the user's own options come first and whole", () => {
    expect(withPreload({ NODE_OPTIONS: '--a --b' }).NODE_OPTIONS).toMatch(/^--a --b --import=\S+$/)
  })

  test('twice with it is undone by once without it', () => {
    const twice = withPreload(withPreload({ NODE_OPTIONS: '--a' }))
    expect(withoutPreload(twice)).toEqual({ NODE_OPTIONS: '--a' })
  })
})

describe('a child that lives', () => {
  const show = 'process.stdout.write(JSON.stringify(process.env.NODE_OPTIONS ?? null))'

  test.each([
    [undefined, 'null'],
    ['--no-warnings --max-old-space-size=512', '"--no-warnings --max-old-space-size=512"'],
  ])('finds NODE_OPTIONS as %s, and prints nothing that is not its own', async (options, shown) => {
    for (const channel of [true, false])
      expect(await run('show.cjs', show, options, channel)).toEqual({
        code: 0,
        stdout: shown,
        stderr: '',
        words: '',
      })
  })

  test('loads a package by a link, with what that depends on', async () => {
    mkdirSync(join(directory, 'store/node_modules/linked'), { recursive: true })
    mkdirSync(join(directory, 'store/node_modules/needed'))
    mkdirSync(join(directory, 'node_modules'))
    writeFileSync(join(directory, 'store/node_modules/linked/index.js'), "require('needed')")
    writeFileSync(join(directory, 'store/node_modules/needed/index.js'), "console.log('here')")
    symlinkSync(
      join(directory, 'store/node_modules/linked'),
      join(directory, 'node_modules/linked'),
    )
    expect((await run('linked.mjs', "import 'linked'")).stdout).toBe('here\n')
  })

  test('starts workers and children that know nothing of it', async () => {
    const { stdout, stderr, words, code } = await run(
      'family.cjs',
      `const { Worker } = require('node:worker_threads')
       const { execFileSync } = require('node:child_process')
       const show = ${JSON.stringify(show)}
       process.stdout.write(execFileSync(process.execPath, ['-e', show]).toString())
       new Worker(show, { eval: true })`,
    )
    expect({ stdout, stderr, words, code }).toEqual({
      stdout: 'nullnull',
      stderr: '',
      words: '',
      code: 0,
    })
  })

  test('still writes to stderr as before, bytes and callbacks too', async () => {
    const { stderr, words, stdout } = await run(
      'write.mjs',
      `process.stderr.write(Buffer.from('bytes '))
       process.stderr.write('ZW5k', 'base64', () => process.stdout.write('called'))`,
    )
    expect(stderr).toBe('bytes end')
    expect(words).toMatch(/^bytes /)
    expect(stdout).toBe('called')
  })

  test('is left alone once the copying has ended', async () => {
    const { stderr, words } = await run(
      'undo.mjs',
      `console.error('before')
       globalThis[Symbol.for('endless.preload')].end()
       console.error('after')
       throw new Error('boom')`,
    )
    expect(words).toBe('before\n')
    expect(stderr).toMatch(/^before\nafter\n[\s\S]*boom/)
  })
})

test('a write that the app wrapped meanwhile stays wrapped', async () => {
  const { stderr, words } = await run(
    'wrap.mjs',
    `const { write } = process.stderr
     process.stderr.write = function (chunk, ...rest) {
       return write.call(this, 'wrapped ' + chunk, ...rest)
     }
     globalThis[Symbol.for('endless.preload')].end()
     console.error('after')`,
  )
  expect([stderr, words]).toEqual(['wrapped after\n', ''])
})

describe('the last words of a child that dies arrive by the channel', () => {
  test.each([
    ['a syntax error in ESM', 'broken.mjs', 'const = 1', /SyntaxError/],
    ['a syntax error in CJS', 'broken.cjs', 'const = 1', /SyntaxError/],
    ['a missing module', 'missing.mjs', "import 'no-such-module'", /no-such-module/],
    ['a throw in ESM', 'throw.mjs', "throw new Error('boom')", /Error: boom\n.*throw\.mjs/],
    ['a throw in CJS', 'throw.cjs', "throw new Error('boom')", /Error: boom\n.*throw\.cjs/],
    ['a rejection', 'reject.cjs', "Promise.reject(new Error('boom'))", /Error: boom/],
    ['its causes', 'cause.cjs', "throw new Error('a', { cause: new Error('why') })", /Error: why/],
    ['what is no error', 'word.cjs', "throw 'just a word'", /just a word/],
    ['console.error and exit', 'exit.cjs', "console.error('bye'); process.exit(1)", /^bye\n$/],
    ['exit in ESM', 'exit.mjs', "console.error('bye'); process.exit(1)", /^bye\n$/],
  ])('%s', async (_, name, code, words) => {
    const result = await run(name, code)
    expect(result.code).toBe(1)
    expect(result.words).toMatch(words)
    // Copied, not taken away.
    expect(result.stderr).not.toBe('')
  })

  test('all of a hundred lines', async () => {
    const { words } = await run(
      'many.cjs',
      "for (let n = 0; n < 100; n++) console.error('line ' + n)\nprocess.exit(1)",
    )
    expect(words).toBe(Array.from({ length: 100 }, (_, n) => `line ${n}\n`).join(''))
  })
})

test('endPreload ends it once, and does nothing without it', () => {
  const end = vi.fn()
  Reflect.set(globalThis, Symbol.for('endless.preload'), { end })
  endPreload()
  endPreload()
  expect(end).toHaveBeenCalledOnce()
})
