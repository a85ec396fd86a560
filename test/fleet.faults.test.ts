import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { WorkerStatus } from '@endlessjs/core/control'
import { expect, test } from 'vitest'
import { request } from './support/client/index.js'
import { Fleet } from './support/fleet.js'
import { temporaryDirectory } from './support/service.js'

/** How often, where fds are counted. */
const fdReloads = Number(process.env.RELOADS ?? 3)

/** Settles when a worker is like that: there is no event of it, so the status is asked for. */
async function until(fleet: Fleet, is: (worker: WorkerStatus) => boolean): Promise<void> {
  while (!(await fleet.status()).workers.some(is)) await delay(20)
}

/** Settles when there are no more processes than serve. */
async function settled(fleet: Fleet, count: number): Promise<void> {
  const children = `/proc/${fleet.pid}/task/${fleet.pid}/children`
  while (readFileSync(children, 'utf8').trim().split(/\s+/).length !== count) await delay(20)
}

/** The same for all slots but those for which it throws. */
function writeApp(path: string, broken = '', more = ''): void {
  writeFileSync(
    path,
    `if (process.env.NODE_APP_INSTANCE === '${broken}') throw new Error('bad here')
     require('node:http').createServer((_, response) => response.end()).listen(0)
     ${more}`,
  )
}

test('a release that cannot start in a later slot: the pilot is stopped, and nobody else', async () => {
  const script = join(temporaryDirectory(), 'app.cjs')
  writeApp(script)
  await using fleet = await Fleet.start({ workers: 3, script })
  const before = await fleet.pids()
  writeApp(script, '1')
  const { code, stderr } = await fleet.run('reload')
  expect([code, stderr]).toEqual([1, expect.stringMatching(/bad here/)])
  const { workers, state } = await fleet.status()
  expect([state, workers.map(({ pid }) => pid)]).toEqual(['serving', before])
  expect(workers.map(({ restarts }) => restarts)).toEqual([0, 0, 0])
  writeApp(script)
  await fleet.reload()
  await fleet.stop()
})

test('what a release that failed has bound is let go', async () => {
  const directory = temporaryDirectory()
  const [script, path] = [join(directory, 'app.cjs'), join(directory, 'added.sock')]
  writeApp(script)
  await using fleet = await Fleet.start({ workers: 2, script })
  writeApp(script, '1', `require('node:http').createServer().listen('${path}')`)
  expect((await fleet.run('reload')).code).toBe(1)
  await fleet.service.untilStderr(/Nobody listens on unix:.*added.sock any more/)
  expect(existsSync(path)).toBe(false)
  await fleet.stop()
})

test('scaled down while one more starts: the others stay', async () => {
  await using fleet = await Fleet.start()
  const before = await fleet.pids()
  fleet.service.control({ import: 'wait' })
  const since = fleet.service.mark()
  const up = fleet.run('scale', '3')
  await fleet.service.until({ event: 'stage', name: 'import', what: 'wait' }, since)
  expect((await fleet.run('scale', '2')).code).toBe(0)
  expect((await up).code).toBe(1)
  expect(await fleet.pids()).toEqual(before)
  await fleet.stop()
  expect((await fleet.service.exited).code).toBe(0)
})

test('a stop while a reload starts is one stop, and cuts nothing', async () => {
  await using fleet = await Fleet.start()
  const late = request({ target: { port: fleet.port }, url: '/late?ms=600' })
  fleet.service.control({ import: 'wait' })
  const since = fleet.service.mark()
  const { outcome } = fleet.begin('reload')
  await fleet.service.until({ event: 'stage', name: 'import', what: 'wait' }, since)
  await fleet.stop()
  expect((await late).status).toBe(200)
  expect([(await outcome).code, (await fleet.service.exited).code]).toEqual([1, 0])
})

test('a worker that dies after its probation, while the old one drains: one serves in its place', async () => {
  await using fleet = await Fleet.start({ workers: 1 })
  const [old = -1] = await fleet.pids()
  const late = request({ target: { port: fleet.port }, url: '/late?ms=3000' })
  await until(fleet, ({ inFlight = 0 }) => inFlight > 0)
  await fleet.reload()
  const since = fleet.service.mark()
  const [heir] = await fleet.pids()
  fleet.service.signal('SIGKILL', heir)
  expect((await late).status).toBe(200)
  // It has come back for a moment, or not: it goes.
  await fleet.service.until({ event: 'exit', pid: old }, since)
  await until(fleet, ({ state, draining }) => state === 'serving' && draining.length === 0)
  await fleet.stop()
})

test('a supervisor that was stopped for a while takes nobody for one that hangs', async () => {
  await using fleet = await Fleet.start({ flags: ['--hang-timeout', '1s'] })
  const before = await fleet.pids()
  fleet.service.signal('SIGSTOP', fleet.pid)
  // For longer than a worker may be silent.
  await delay(3_000)
  const since = fleet.service.mark()
  fleet.service.signal('SIGCONT', fleet.pid)
  await fleet.reload()
  for (const pid of before) await fleet.service.until({ event: 'exit', pid, code: 0 }, since)
  expect(fleet.service.stderr).not.toMatch(/was silent/)
  await fleet.stop()
})

test('two that wait for the end of a reload are next, one after the other', async () => {
  await using fleet = await Fleet.start({ workers: 1 })
  fleet.service.control({ import: 'wait' })
  const first = fleet.run('reload')
  await fleet.service.untilStderr(/Reloading/)
  const waiting = [1, 2].map(() => fleet.run('reload', '--wait'))
  fleet.service.control({})
  const codes = await Promise.all([first, ...waiting])
  expect(codes.map(({ code }) => code)).toEqual([0, 0, 0])
  await fleet.stop()
})

test('an old worker that is stopped while it hands over: the reload ends, and the next one is as good', async () => {
  await using fleet = await Fleet.start({ workers: 2, flags: ['--ready-timeout', '1s'] })
  const [first = -1, second = -1] = await fleet.pids()
  fleet.service.signal('SIGSTOP', second)
  const { code, stderr } = await fleet.run('reload')
  expect([code, stderr]).toEqual([1, expect.stringMatching(/does its event loop turn/)])
  fleet.service.signal('SIGCONT', second)
  expect(await fleet.pids()).toEqual([first, second])
  await fleet.service.untilStderr(/Upgrade failed/)
  // It is still ending what it had begun, or not.
  for (let code: number | null = -1; code !== 0; ) code = (await fleet.run('reload')).code
  await fleet.stop()
})

test('the supervisor keeps no fd of what is gone', async () => {
  await using fleet = await Fleet.start()
  const count = (): number => readdirSync(`/proc/${fleet.pid}/fd`).length
  const counts: number[] = []
  for (let n = 0; n < fdReloads; n++) {
    await fleet.reload()
    const [, second] = await fleet.pids()
    if (n === 0) fleet.service.signal('SIGKILL', second)
    await until(
      fleet,
      ({ slot, state, pid }) => (slot === 1 && state === 'serving' && pid !== second) || n > 0,
    )
    await settled(fleet, 2)
    counts.push(count())
  }
  // The connection that asks for the status comes and goes.
  expect(Math.max(...counts) - Math.min(...counts), String(counts)).toBeLessThanOrEqual(1)
  await fleet.stop()
})
