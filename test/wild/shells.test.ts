// `endless start` where one types it: its pid stays, so that npm, pnpm, nohup and tmux have nothing to wait for.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { bin } from '../support/fleet.js'
import { isAlive } from '../support/processes.js'
import { Shop } from '../support/shop.js'
import { tool } from '../support/tool.js'

const tmux = tool('tmux')
const npm = tool('npm') ?? 'npm'
/** As `npm run build` has it; it is in no PATH. */
const pnpm = spawnSync('npx', ['-y', '--offline', '-p', 'pnpm@10.34.9', '-c', 'command -v pnpm'], {
  encoding: 'utf8',
}).stdout.trim()

/** A service whose package.json has `endless start` for its script `start`. */
async function prepared(): Promise<{
  shop: Shop
  line: string
  env: Record<string, string>
  log: () => string
}> {
  const shop = await Shop.prepare({ user: 'own' })
  const words = [process.execPath, bin, 'start', '--control', shop.control, '--name', 'shop']
  const line = `${words.join(' ')} -w 2 --probation 300ms server.js`
  const log = join(shop.directory, 'shop.log')
  writeFileSync(log, '')
  const redirected = `${line} >>${log} 2>&1`
  // With exec, or a TERM to npm would end the shell between, and not the service.
  const scripts = { start: `exec ${redirected}` }
  writeFileSync(
    join(shop.unit.current, 'package.json'),
    JSON.stringify({ name: 'shop', type: 'module', scripts }),
  )
  const env = { PORT: String(shop.unit.port) }
  return { shop, line: redirected, env, log: () => readFileSync(log, 'utf8') }
}

/** Both ways to deploy, and the end: nothing is lost. */
async function deploysAndStops(shop: Shop, log: () => string): Promise<void> {
  const { pid } = await shop.serves()
  await shop.unnoticed(async () => {
    shop.unit.deploy('2')
    expect(await shop.endless('reload')).toMatchObject({ code: 0 })
    shop.unit.deploy('3')
    process.kill(pid, 'SIGHUP')
    await shop.until(() => log().match(/Reloaded in/g)?.[1], 'the second reload')
  })
  expect((await shop.unit.answer()).release).toBe('3')
  expect((await shop.status()).pid).toBe(pid)
}

/** A TERM to somebody, with a request in flight. */
async function drains(
  shop: Shop,
  term: () => void,
  log: () => string,
  end = 'shop has ended with code 0',
): Promise<void> {
  const { pid } = await shop.status()
  const { reply } = await shop.unit.late(1_500)
  term()
  expect((await reply).release).toBe('3')
  await shop.gone([pid])
  expect(log()).toContain(end)
}

describe.each([
  ['npm start', npm],
  [pnpm ? 'pnpm start' : 'pnpm start (pnpm 10.34.9 is not in the cache of npx)', pnpm],
])('%s', (_, command) => {
  test.skipIf(!command)('reloads lose nothing, and TERM to it is a stop in order', async () => {
    const { shop, env, log } = await prepared()
    const child = shop.launch(command, ['start'], { cwd: shop.unit.current, env })
    await deploysAndStops(shop, log)
    await drains(shop, () => child.kill('SIGTERM'), log)
  })
})

test.each([
  ['nohup', (line: string) => ['sh', `nohup ${line} &`]],
  ['setsid', (line: string) => ['sh', `setsid ${line} &`]],
  ['& and disown', (line: string) => ['bash', `${line} & disown`]],
] as const)(
  '%s: the shell has gone, reloads lose nothing, and TERM is a stop in order',
  async (_, typed) => {
    const { shop, line, env, log } = await prepared()
    const [shell, text] = typed(line)
    const child = shop.launch(shell ?? 'sh', ['-c', text ?? ''], { cwd: shop.unit.current, env })
    await deploysAndStops(shop, log)
    expect(child.exitCode).toBe(0)
    const { pid } = await shop.status()
    await drains(shop, () => process.kill(pid, 'SIGTERM'), log)
  },
)

describe.skipIf(!tmux)(`tmux${tmux ? '' : ' (not installed: apt-get install tmux)'}`, () => {
  test.each([
    ['kill-session', 'reloads lose nothing; a session that is killed is the end, in order'],
    ['C-c', 'Ctrl-C is one stop for all of them, in order'],
  ])('%s: %s', async (how) => {
    const { shop, line, env, log } = await prepared()
    const sockets = join(shop.directory, 'tmux')
    mkdirSync(sockets, { mode: 0o700 })
    const options = {
      cwd: shop.unit.current,
      env: { ...process.env, ...env, PWD: shop.unit.current, SHOP: shop.directory, TERM: 'xterm' },
    }
    const say = (...words: readonly string[]): void =>
      void execFileSync(String(tmux), ['-S', join(sockets, 'a'), ...words], options)
    say('-f', '/dev/null', 'new-session', '-d', '-s', 'shop', 'sh')
    onTestFinished(() => {
      // Without its last session it has gone by itself.
      spawnSync(String(tmux), ['-S', join(sockets, 'a'), 'kill-server'], options)
    })
    say('send-keys', '-t', 'shop', line, 'Enter')
    await deploysAndStops(shop, log)
    const term = (): void =>
      how === 'C-c' ? say('send-keys', '-t', 'shop', 'C-c') : say('kill-session', '-t', 'shop')
    const workers = await shop.pids()
    // Node itself aborts at its exit where its stdin is a terminal that is gone: all is answered by then.
    await drains(shop, term, log, how === 'C-c' ? undefined : 'shop has ended with code')
    expect(workers.filter(isAlive)).toEqual([])
    if (how !== 'C-c') expect(log()).toContain('The terminal is gone: no reload, but the end.')
  })
})
