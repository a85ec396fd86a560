// Under the preload `@endlessjs/core/auto` a process stays what it was: the same scripts, with and without.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { directory } from './support/auto.js'

interface Outcome {
  readonly exit: readonly unknown[]
  readonly stdout: string
  readonly stderr: string
}

/** @param signal sent when it says "now" */
async function outcomeOf(
  script: string,
  execArgv: readonly string[],
  signal?: NodeJS.Signals,
): Promise<Outcome> {
  const env = { ...process.env, NODE_OPTIONS: '', SCRIPT: script }
  const options = ['--input-type=commonjs', '-e', script, 'an argument']
  const child: ChildProcess = spawn(process.execPath, [...execArgv, ...options], {
    cwd: directory,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const { stdout, stderr } = child
  if (!stdout || !stderr) throw new Error('no pipes')
  if (signal) stdout.once('data', () => child.kill(signal))
  const [out, err, exit] = await Promise.all([text(stdout), text(stderr), once(child, 'close')])
  return { exit, stdout: out, stderr: err }
}

const preloads = [
  ['--import', '@endlessjs/core/auto'],
  ['-r', '@endlessjs/core/auto'],
]
const waits = 'setInterval(() => {}, 1e6); console.log("now")'
const listen = "require('net').createServer().listen"

interface Case {
  readonly what: string
  readonly script: string
  readonly signal?: NodeJS.Signals
}

const cases: readonly Case[] = [
  { what: 'never listens, HUP,', script: waits, signal: 'SIGHUP' },
  { what: 'never listens, TERM,', script: waits, signal: 'SIGTERM' },
  { what: 'never listens, INT,', script: waits, signal: 'SIGINT' },
  { what: 'never listens, USR2,', script: waits, signal: 'SIGUSR2' },
  { what: 'says what it is', script: 'console.log(process.argv, process.argv0, process.title)' },
  { what: 'exits with 3', script: 'process.exit(3)' },
  { what: 'sets its exit code', script: 'process.exitCode = 4' },
  { what: 'throws', script: 'throw new TypeError("thrown")' },
  { what: 'rejects', script: 'Promise.reject(new RangeError("rejected"))' },
  { what: 'listens and closes', script: `${listen}(0, function () { this.close() })` },
  { what: 'listens, and exits with 3', script: `${listen}(0, () => process.exit(3))` },
  { what: 'cannot listen', script: `${listen}({ fd: 987 })` },
  { what: 'listens twice', script: `${listen}(0).listen(0)` },
  {
    what: 'looks around',
    script: `
      const signals = process.eventNames().filter((one) => String(one).startsWith('SIG'))
      console.log(Object.keys(process.env).sort(), typeof process.send, signals)
    `,
  },
]

/** What differs from one run to the next: places and lines of ours on stderr. */
function known({ exit, stdout, stderr }: Outcome): object {
  const [last] = stderr.match(/^\[?\w*Error.*$|code: .*$/m) ?? []
  return { exit, stdout, last }
}

test.concurrent.each(cases)(
  'a script that $what ends as without us',
  async ({ script, signal }) => {
    const bare = known(await outcomeOf(script, [], signal))
    for (const preload of preloads)
      expect(known(await outcomeOf(script, preload, signal))).toEqual(bare)
  },
)

/** What Node has loaded with the preload when a script says so, and not without. */
async function moreLoaded(script: (say: string) => string): Promise<string[]> {
  const text = script('console.log(process.moduleLoadList.join()); process.exit()')
  const loaded = [[], preloads[1] ?? []].map(async (preload) => {
    const { stdout } = await outcomeOf(text, preload)
    return stdout.trim().split(',')
  })
  const [bare, under = []] = await Promise.all(loaded)
  return under.filter((one) => !bare?.includes(one))
}

test('a script that never listens loads next to nothing, a plain server no TLS and no HTTP/2', async () => {
  const more = await moreLoaded((say) => say)
  expect(more.length).toBeLessThan(20)
  for (const name of ['http', 'net', 'child_process', 'cluster', 'worker_threads', 'http2', 'tls'])
    expect(more).not.toContain(`NativeModule ${name}`)
  const server = await moreLoaded(
    (say) => `require('http').createServer().listen(0, () => { ${say} })`,
  )
  expect(server).toContain('NativeModule worker_threads')
  for (const name of ['http2', 'tls', 'https']) expect(server).not.toContain(`NativeModule ${name}`)
})
