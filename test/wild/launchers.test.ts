// Those who start a process and take its end for the end of the service: an upgrade is refused before
// anything is spawned, and what they do themselves goes on working.
import { execFile } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { load, request } from '../support/client/index.js'
import { get, Raw } from '../support/raw.js'
import { fixture, Service, temporaryDirectory } from '../support/service.js'
import { tool } from '../support/tool.js'

const { resolve } = createRequire(import.meta.url)
const tsx = resolve('tsx/cli')
const run = promisify(execFile)
const env = { FRAMEWORK: 'http' }

async function ask(service: Service, method: string, url: string): Promise<object> {
  const { body } = await request({ target: { port: service.port() }, method, url })
  return JSON.parse(body.toString()) as object
}

/** HUP, and what it must come to: nothing. */
async function refuses(service: Service, why: RegExp): Promise<void> {
  const [born] = service.all({ event: 'listen' })
  await service.untilStderr(new RegExp(`Upgrades will be refused: ${why.source}`))
  service.signal('SIGHUP')
  await service.untilStderr(new RegExp(`Upgrade refused: .*${why.source}`))
  expect(await ask(service, 'POST', '/upgrade')).toMatchObject({
    code: 'ERR_ENDLESS_UNSUPPORTED',
    message: expect.stringMatching(why),
  })
  expect(await ask(service, 'GET', '/pid')).toMatchObject({ pid: born?.pid })
  expect(service.all({ event: 'upgrade' })).toEqual([])
}

/** An app in a directory of its own, which a test may change. */
function appOf(directory: string): { script: string; change: () => void } {
  const script = join(directory, 'app.js')
  const write = (text: string): void =>
    writeFileSync(script, `import ${JSON.stringify(fixture('server.js'))} // ${text}\n`)
  write('first')
  return { script, change: () => write('changed') }
}

function ownDirectory(): string {
  const directory = temporaryDirectory()
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }')
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const watchers: readonly (readonly [name: string, execArgv: readonly string[], why: RegExp])[] = [
  ['node --watch', ['--watch'], /started by node --watch/],
  ['nodemon', [resolve('nodemon/bin/nodemon.js'), '--quiet'], /started by nodemon/],
  ['tsx watch', [tsx, 'watch', '--clear-screen=false'], /started by tsx watch/],
]

test.each(watchers)(
  '%s: an upgrade is refused; a change restarts the app',
  async (_, execArgv, why) => {
    const cwd = ownDirectory()
    const { script, change } = appOf(cwd)
    await using service = await Service.start({ script, execArgv, cwd, env })
    await refuses(service, why)
    // A stream that its app does not end holds no restart: the wait for it is shorter than ours here.
    const stream = await Raw.open(service.port())
    stream.write(get('/events?stays'))
    await stream.until((text) => text.includes('hello'))
    const since = service.mark()
    change()
    const { pid } = await service.until({ event: 'state', to: 'ready' }, since)
    expect(pid).not.toBe(service.all({ event: 'listen' })[0]?.pid)
  },
)

/** What ends with its only child, as the first process of a container. */
const firsts: readonly (readonly [name: string, words: readonly string[], why: RegExp])[] = [
  ['a shell', ['sh', '-c', '"$0" "$@"; exit $?'], /pid 1 \(sh -c/],
  ['npm start', ['npm', 'exec', '--offline', '--'], /pid 1 \(npm exec/],
  ['tini', ['tini', '--'], /pid 1 \(tini --/],
  ['dumb-init', ['dumb-init'], /pid 1 \(dumb-init/],
]

// A namespace of its own is what a container is made of; tini and dumb-init are Debian's packages.
const isContainer = process.getuid?.() === 0 && process.platform === 'linux'
const missing = firsts.filter(([, [command = '']]) => isContainer && !tool(command))

test.skip.each(missing)('%s as pid 1 of a container (not installed: .ci/tools)', () => {})

test.runIf(isContainer).each(firsts.filter((one) => !missing.includes(one)))(
  '%s as pid 1 of a container: an upgrade is refused',
  async (_, words, why) => {
    const namespace = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc']
    await using service = await Service.start({
      script: fixture('server.js'),
      wrapper: [...namespace, ...words],
      env,
    })
    await service.untilStderr(new RegExp(`Upgrades will be refused: ${why.source}`))
    expect(await ask(service, 'POST', '/upgrade')).toMatchObject({
      code: 'ERR_ENDLESS_UNSUPPORTED',
      message: expect.stringMatching(
        new RegExp(`${why.source}.* ends with this process, and the container`),
      ),
    })
    expect(service.all({ event: 'upgrade' })).toEqual([])
  },
)

test('tsx in a shell: upgrades under load lose nothing', async () => {
  await using service = await Service.start({
    script: tsx,
    args: [fixture('server.js')],
    env,
  })
  const running = load({ target: { port: service.port() }, connections: 8, thinkTime: [0, 20] })
  await running.progress(20)
  await service.upgrade()
  await service.upgrade()
  const { failed, samples } = await running.stop()
  expect(failed, samples.join('\n')).toBe(0)
  await service.stop()
})

test('ignoreLauncher: an upgrade all the same', async () => {
  const cwd = ownDirectory()
  const { script } = appOf(cwd)
  const options = { ignoreLauncher: true }
  await using service = await Service.start({ script, execArgv: ['--watch'], cwd, env, options })
  const { successor } = await service.hup()
  await service.until({ event: 'drain', phase: 'end' })
  service.signal('SIGTERM', Number(successor))
  await service.until({ event: 'exit', pid: Number(successor) })
  expect(service.stderr).not.toContain('refused')
})

interface Pm2 {
  readonly answer: (method: string, url: string) => Promise<Record<string, unknown>>
  readonly command: (...args: readonly string[]) => Promise<string>
}

/** The app under a pm2 daemon of its own. */
async function underPm2(flags: readonly string[], act: (pm2: Pm2) => Promise<void>): Promise<void> {
  const home = ownDirectory()
  const { script } = appOf(home)
  const log = join(home, 'app.log')
  const control = join(home, 'control.json')
  writeFileSync(control, '{}')
  const target = { path: join(home, 'app.sock') }
  const options = {
    env: {
      ...process.env,
      ...env,
      PM2_HOME: join(home, 'pm2'),
      PM2_DISCRETE_MODE: 'true',
      PM2_DISABLE_VERSION_CHECK: 'true',
      CONTROL: control,
      OPTIONS: '{}',
      LISTEN: JSON.stringify(target.path),
    },
  }
  const command = async (...args: readonly string[]): Promise<string> =>
    (await run(process.execPath, [resolve('pm2/bin/pm2'), ...args], options)).stdout
  const answer = async (method: string, url: string): Promise<Record<string, unknown>> =>
    JSON.parse((await request({ target, method, url })).body.toString())
  try {
    await command('start', script, '--name', 'app', '--output', log, '--error', log, ...flags)
    await expect
      .poll(() => answer('GET', '/pid').catch(() => ({})), { timeout: 20_000 })
      .toHaveProperty('pid')
    await act({ answer, command })
  } finally {
    await command('kill')
  }
}

test('pm2 in fork mode: an upgrade is refused, and pm2 has the same process', async () => {
  await underPm2([], async ({ answer, command }) => {
    const { pid } = await answer('GET', '/pid')
    process.kill(Number(pid), 'SIGHUP')
    expect(await answer('POST', '/upgrade')).toMatchObject({
      code: 'ERR_ENDLESS_UNSUPPORTED',
      message: expect.stringMatching(/started by pm2: .*`pm2 reload`/),
    })
    expect(await answer('GET', '/pid')).toMatchObject({ pid })
    const [app] = JSON.parse(await command('jlist')) as {
      pid: number
      pm2_env: { restart_time: number }
    }[]
    expect([app?.pid, app?.pm2_env.restart_time]).toEqual([pid, 0])
  })
})

test('pm2 in cluster mode: pm2 reload goes on working, and the old worker stops in order', async () => {
  await underPm2(['-i', '1'], async ({ answer, command }) => {
    const { pid } = await answer('GET', '/pid')
    expect(await answer('POST', '/upgrade')).toMatchObject({
      code: 'ERR_ENDLESS_UNSUPPORTED',
      message: expect.stringMatching(/cluster worker/),
    })
    // Within pm2's own kill_timeout, 1.6 s.
    const slow = answer('GET', '/slow?from=drain&ms=500')
    await command('reload', 'app')
    expect((await answer('GET', '/pid')).pid).not.toBe(pid)
    expect(await slow).toEqual({ pid })
  })
})
