// Apps that know nothing of us, each by its own command: as their docs have them, and `endless start` before.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { type Load, load, type Mode, request } from '../support/client/index.js'
import { Fleet, type FleetStart } from '../support/fleet.js'
import { fixture } from '../support/service.js'

const reloads = 3

/** Modules that Node loads before the app say what goes on in it. */
function startApp(script: string, { env, ...more }: FleetStart = {}): Promise<Fleet> {
  const report = ['report.js', 'slow.js'].map((name) => `--import=${pathToFileURL(fixture(name))}`)
  return Fleet.start({
    cwd: import.meta.dirname,
    script: join('unmodified', script),
    ...more,
    env: { PORT: '0', NODE_ENV: 'production', NODE_OPTIONS: report.join(' '), ...env },
  })
}

async function losesNothing(fleet: Fleet): Promise<void> {
  const target = { port: fleet.port }
  const loadOf = (url: string, mode: Mode, connections: number): Load =>
    load({ target, method: 'GET', url, mode, connections, thinkTime: [0, 50] })
  const kept = [loadOf('/', 'keep-alive', 4), loadOf('/slow', 'keep-alive', 2)]
  const loads = [...kept, loadOf('/', 'new-connection', 2), loadOf('/', 'pipelined', 2)]
  for (let n = 0; n < reloads; n++) {
    await Promise.all(loads.map((one) => one.progress(2)))
    await fleet.reload()
  }
  for (const { failed, ok, sent, samples } of await Promise.all(loads.map((one) => one.stop()))) {
    expect(failed, samples.join('\n')).toBe(0)
    expect(ok).toBe(sent)
  }
  expect(kept.map(({ report }) => report.reconnects)).toEqual([0, 0])
}

async function answersWhatIsInFlight(fleet: Fleet): Promise<void> {
  const since = fleet.service.mark()
  const slow = request({ target: { port: fleet.port }, method: 'GET', url: '/slow' })
  await fleet.service.until({ event: 'request' }, since)
  await fleet.stop()
  expect((await slow).status).toBe(200)
  const codes = fleet.service.all({ event: 'exit' }).map(({ code }) => code)
  expect(codes).toEqual(Array(fleet.workers * (reloads + 1)).fill(0))
}

const apps: [script: string, flags: string[]][] = [
  ['express.js', []],
  ['koa.js', []],
  ['fastify.js', []],
  ['hono.js', []],
  ['http.js', []],
  ['commonjs.cjs', []],
  ['typescript.ts', ['--import', 'tsx']],
]

test.each(apps)(
  'endless start -w 2 %s (%j): three reloads lose nothing, nobody connects again',
  async (script, flags) => {
    await using fleet = await startApp(script, { flags })
    await losesNothing(fleet)
    await answersWhatIsInFlight(fleet)
  },
)

test('options of an app that uses an adapter win over flags, and are in conflict with none', async () => {
  const flags = ['--hammer-time', '7s', '--ready-timeout', '4s']
  const options = JSON.stringify({ hammerTime: 300, slowStart: 0, probation: 0 })
  await using fleet = await startApp('', {
    script: fixture('server.js'),
    flags,
    env: { OPTIONS: options, FRAMEWORK: 'express', EXPRESS: 'express' },
  })
  const target = { port: fleet.port }
  const hanging = request({ target, method: 'GET', url: '/hang' }).catch(() => 'cut')
  const { pid } = await fleet.service.until({ event: 'request', path: '/hang' })
  await fleet.reload()
  expect(await hanging).toBe('cut')
  const { ms } = await fleet.service.until({ event: 'drain', phase: 'end', pid })
  expect(Number(ms)).toBeLessThan(5_000)
  await fleet.service.until({ event: 'exit', pid, code: 1 })
  // What the app does not set itself is as the flag says.
  fleet.service.control({ import: 'hang' })
  const { code, stderr } = await fleet.run('reload')
  expect([code, stderr]).toEqual([1, expect.stringMatching(/not ready within 4000 ms/)])
  await fleet.stop()
})
