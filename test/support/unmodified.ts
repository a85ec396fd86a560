// An app that knows nothing of us, under `endless start`.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect } from 'vitest'
import { type Load, load, type Mode, request } from './client/index.js'
import { Fleet, type FleetStart } from './fleet.js'
import { fixture } from './service.js'

const reloads = 3

/** In a directory that has `unmodified`. Modules that Node loads before the app say what goes on in it. */
export function startUnmodified(
  cwd: string,
  script: string,
  { env, ...more }: FleetStart = {},
): Promise<Fleet> {
  const report = ['report.js', 'slow.js'].map((name) => `--import=${pathToFileURL(fixture(name))}`)
  return Fleet.start({
    cwd,
    script: join('unmodified', script),
    ...more,
    env: { PORT: '0', NODE_ENV: 'production', NODE_OPTIONS: report.join(' '), ...env },
  })
}

/** Three reloads under load. */
export async function reloadsLoseNothing(fleet: Fleet): Promise<void> {
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

/** After those. */
export async function stopAnswersWhatIsInFlight(fleet: Fleet): Promise<void> {
  const since = fleet.service.mark()
  const slow = request({ target: { port: fleet.port }, method: 'GET', url: '/slow' })
  await fleet.service.until({ event: 'request' }, since)
  await fleet.stop()
  expect((await slow).status).toBe(200)
  const codes = fleet.service.all({ event: 'exit' }).map(({ code }) => code)
  expect(codes).toEqual(Array(fleet.workers * (reloads + 1)).fill(0))
}
