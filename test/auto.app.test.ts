// Apps under the preload `@endlessjs/core/auto`: those that take part by themselves, what is set from
// outside, and `process.send('ready')`.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type AutoOptions, directory, startAuto } from './support/auto.js'
import { request } from './support/client/index.js'
import { portsOf } from './support/release.js'
import { fixture, type Service, temporaryDirectory } from './support/service.js'

function ownDirectory(): string {
  const home = temporaryDirectory()
  onTestFinished(() => rmSync(home, { recursive: true, force: true }))
  return home
}

const pidAt = async (port: number): Promise<string> =>
  (await request({ target: { port }, method: 'GET', url: '/' })).body.toString()

test.each([
  ['express', 2],
  ['fastify', 1],
])('an app with @endlessjs/%s keeps its options, and is taken in once', async (name, servers) => {
  const pidFile = join(ownDirectory(), 'app.pid')
  const OWN = JSON.stringify({ pidFile, hammerTime: 1_000 })
  // Others are set from outside: the app's win, and nothing is in conflict.
  const options = { pidFile: `${pidFile}.other`, hammerTime: 9_000 }
  await using service = await startAuto(name, { env: { OWN }, options })
  expect(service.all({ event: 'own begin' })).toHaveLength(1)
  expect(service.all({ event: 'listen' })).toHaveLength(servers)
  await service.upgrade()
  expect(readFileSync(pidFile, 'utf8').trim()).toBe(String(service.current))
  expect(existsSync(`${pidFile}.other`)).toBe(false)
  expect(service.all({ event: 'own begin' })).toHaveLength(2)
  expect(service.all({ event: 'listen', from: 'predecessor' })).toHaveLength(servers)
  await service.stop()
})

test("an app's autoReady: false is respected", async () => {
  const env = { OWN: '{"autoReady":false}' }
  await using service = await startAuto('express', { env, wait: false })
  // Ready is what it would be a turn after the second.
  for (const name of ['tcp:*:0', 'tcp:127.0.0.1:0']) await service.until({ event: 'listen', name })
  expect(await pidAt(portsOf(service)['tcp:*:0'] ?? 0)).toBe(String(service.pid))
  service.signal('SIGHUP')
  await service.untilStderr(/Upgrade refused: not ready yet/)
})

test('an app that calls ready() itself is not ready before, whatever else it listens on', async () => {
  await using service = await startAuto('manual')
  const pid = await service.upgrade()
  for (const one of [service.pid, pid])
    expect(service.all({ event: 'own ready', pid: one })).toMatchObject([{ state: 'starting' }])
  expect(service.all({ event: 'listen', pid })).toHaveLength(2)
  await service.stop()
})

test('ENDLESS_OPTIONS: defaults of the process, which each generation gets anew', async () => {
  const pidFile = join(ownDirectory(), 'app.pid')
  const env = { NODE_APP_INSTANCE: '3' }
  await using service = await startAuto('plain', { options: { pidFile }, env })
  expect(readFileSync(pidFile, 'utf8').trim()).toBe(String(service.pid))
  for (let n = 0; n < 2; n++) {
    await service.upgrade()
    expect(readFileSync(pidFile, 'utf8').trim()).toBe(String(service.current))
  }
  await service.stop()
  const seen = service.all({ event: 'environment' })
  expect(seen).toHaveLength(3)
  for (const one of seen) {
    expect(one).toMatchObject({ NODE_APP_INSTANCE: '3', argv: [fixture('auto/plain.js')] })
    expect(one).not.toHaveProperty('ENDLESS_OPTIONS')
  }
  expect(existsSync(pidFile)).toBe(false)
})

const bad: [text: string, message: RegExp][] = [
  ['{', /ENDLESS_OPTIONS: expected JSON such as .*, received '\{'/],
  ['7', /ENDLESS_OPTIONS: option "options": expected an object, received 7/],
  ['{"hammer":1}', /ENDLESS_OPTIONS: option "hammer": expected one of /],
  ['{"probation":"1s"}', /ENDLESS_OPTIONS: option "probation": expected milliseconds/],
  ['{"onExit":"x"}', /ENDLESS_OPTIONS: option "onExit": expected a function/],
]

/** The exit of an app that must not start. */
async function refusal(options: AutoOptions): Promise<Service> {
  const service = await startAuto('plain', { ...options, wait: false })
  expect(await service.exited).toEqual({ code: 1, signal: null })
  await service.ended
  expect(service.all({ event: 'environment' })).toEqual([])
  return service
}

test.each(bad)(
  'ENDLESS_OPTIONS=%s: the app does not start, and it is said why',
  async (options, message) => {
    await using service = await refusal({ options })
    expect(service.stderr).toMatch(message)
    expect(service.stderr).toContain("code: 'ERR_ENDLESS_OPTION'")
  },
)

test('ENDLESS_READY with another value: the app does not start', async () => {
  await using service = await refusal({ env: { ENDLESS_READY: 'yes' } })
  expect(service.stderr).toMatch(/ENDLESS_READY: expected "message" or nothing, received 'yes'/)
})

const message = { ENDLESS_READY: 'message' }

test("ENDLESS_READY=message: ready at process.send('ready'), and not before", async () => {
  await using service = await startAuto('message', { env: message })
  const pid = await service.upgrade()
  for (const one of [service.pid, pid]) {
    const order = service.all({ pid: one }).map(({ event, to }) => to ?? event)
    expect(order.filter((what) => what !== 'sent').slice(0, 3)).toEqual([
      'listen',
      'listens',
      'ready',
    ])
    expect(service.all({ event: 'listens', pid: one })).toMatchObject([
      { send: 'function', connected: false, hasChannel: false, other: true },
    ])
    expect(service.all({ event: 'sent', pid: one })).toMatchObject([{ error: null }])
  }
  expect(service.all({ event: 'listen', pid })).toMatchObject([{ from: 'predecessor' }])
  await service.stop()
})

test('ENDLESS_READY=message: what was said before it listens holds then', async () => {
  await using service = await startAuto('message', { env: { ...message, EARLY: '1' } })
  await service.upgrade()
  await service.stop()
})

test('without ENDLESS_READY there is no process.send, and listening makes it ready', async () => {
  await using service = await startAuto('message')
  expect(await service.until({ event: 'listens' })).toMatchObject({
    send: 'undefined',
    connected: null,
  })
})

test('ENDLESS_READY=message where somebody forked it: both hear of it', async () => {
  const report = `--import=${new URL('fixtures/report.js', import.meta.url)}`
  const child = fork(fixture('auto/message.js'), {
    cwd: directory,
    execArgv: ['--import', '@endlessjs/core/auto'],
    env: { ...process.env, ...message, NODE_OPTIONS: report },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = once(child, 'close')
  let text = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
  })
  const heard = [await once(child, 'message'), await once(child, 'message')]
  expect(heard.map(([what]) => what)).toEqual(['something else', 'ready'])
  child.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
  expect(text).toMatch(/"to":"ready"/)
})
