import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { request } from './support/client/index.js'
import { Fleet } from './support/fleet.js'
import { temporaryDirectory } from './support/service.js'

/** Settles when a worker says that it is at a request. */
async function inFlight(fleet: Fleet): Promise<void> {
  for (;;) {
    const { workers } = await fleet.status()
    if (workers.some(({ inFlight = 0 }) => inFlight > 0)) return
  }
}

/** The same for all slots but those for which it throws. */
function writeApp(path: string, broken = ''): void {
  writeFileSync(
    path,
    `if (process.env.NODE_APP_INSTANCE === '${broken}') throw new Error('bad here')
     require('node:http').createServer((_, response) => response.end()).listen(0)`,
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
  await inFlight(fleet)
  await fleet.reload()
  const since = fleet.service.mark()
  const [heir] = await fleet.pids()
  fleet.service.signal('SIGKILL', heir)
  expect((await late).status).toBe(200)
  // It has come back for a moment, or not: it goes.
  await fleet.service.until({ event: 'exit', pid: old }, since)
  const { workers } = await fleet.status()
  expect(workers.map(({ state, draining }) => [state, draining])).toEqual([['serving', []]])
  await fleet.stop()
})
