// What an app in a fleet does by itself.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { request } from './support/client/index.js'
import { Fleet, type FleetStart } from './support/fleet.js'
import { fixture, temporaryDirectory } from './support/service.js'

async function post(fleet: Fleet, url: string): Promise<Record<string, unknown>> {
  const { body } = await request({ target: { port: fleet.port }, method: 'POST', url })
  return JSON.parse(body.toString()) as Record<string, unknown>
}

/** The usual app of an adapter, which reaches for its upgrader. */
function startUsual(more: FleetStart = {}): Promise<Fleet> {
  const options = JSON.stringify({ slowStart: 0, probation: 0 })
  return Fleet.start({
    script: fixture('server.js'),
    ...more,
    env: { FRAMEWORK: 'http', OPTIONS: options },
  })
}

describe('the upgrader of an app is that of its fleet', () => {
  test.each([[[]], [['--surge', '1']]])(
    'upgrade() with %j: all go over',
    async (flags: string[]) => {
      await using fleet = await startUsual({ flags })
      const before = await fleet.pids()
      // With a surge the rest of the reload waits for the one that answers this.
      const { pid } = await post(fleet, '/upgrade')
      for (const old of before) await fleet.service.until({ event: 'exit', pid: old, code: 0 })
      await fleet.service.untilStderr(/Reloaded in/)
      const after = await fleet.pids()
      expect(after).toContain(pid)
      expect(after.filter((one) => before.includes(one))).toEqual([])
      await fleet.stop()
    },
  )

  test('upgrade() to a release that fails: the reason, and all serve on', async () => {
    await using fleet = await startUsual()
    const before = await fleet.pids()
    fleet.service.control({ import: 'exit7' })
    expect(await post(fleet, '/upgrade')).toMatchObject({
      code: 'ERR_ENDLESS_SUCCESSOR_EXITED',
      message: expect.stringMatching(/exited with code 7/),
    })
    expect(await fleet.pids()).toEqual(before)
    await fleet.stop()
  })

  test('shutdown(): all end, and the supervisor', async () => {
    await using fleet = await startUsual()
    const pids = await fleet.pids()
    expect(pids).toContain((await post(fleet, '/shutdown')).pid)
    expect(await fleet.service.exited).toEqual({ code: 0, signal: null })
    const ends = fleet.service.all({ event: 'exit' }).map(({ pid, code }) => [pid, code])
    expect(ends.sort()).toEqual(pids.map((pid) => [pid, 0]).sort())
  })

  test('status() is of its worker', async () => {
    await using fleet = await startUsual({ workers: 1 })
    await fleet.reload()
    const [pid] = await fleet.pids()
    const { body } = await request({ target: { port: fleet.port }, method: 'GET', url: '/status' })
    expect(JSON.parse(body.toString())).toMatchObject({
      pid,
      generation: 1,
      state: 'ready',
      listeners: [{ origin: 'predecessor' }],
    })
    await fleet.stop()
  })
})

test('NODE_APP_INSTANCE is the slot, over reloads and crashes', async () => {
  await using fleet = await Fleet.start({ workers: 3 })
  const slots = async (): Promise<unknown[]> =>
    Promise.all(
      (await fleet.pids()).map(
        async (pid) => (await fleet.service.until({ event: 'slot', pid })).slot,
      ),
    )
  expect(await slots()).toEqual(['0', '1', '2'])
  await fleet.reload()
  expect(await slots()).toEqual(['0', '1', '2'])
  const [, victim = -1] = await fleet.pids()
  const since = fleet.service.mark()
  fleet.service.signal('SIGKILL', victim)
  await fleet.service.until({ event: 'state', to: 'ready' }, since)
  expect(await slots()).toEqual(['0', '1', '2'])
  await fleet.stop()
})

test("process.send('ready'): a worker serves when it says so, at a reload too", async () => {
  const control = { listening: 'wait' }
  await using fleet = await Fleet.start({ control, flags: ['--wait-ready'], wait: false })
  await fleet.service.until({ event: 'stage', name: 'listening' })
  // Where it were ready by listening, it would be by then.
  await delay(300)
  expect(fleet.service.all({ event: 'state' })).toEqual([])
  fleet.service.control({})
  await fleet.service.untilStderr(/ serves: 2 workers/)
  const before = await fleet.pids()
  fleet.service.control(control)
  const since = fleet.service.mark()
  const reload = fleet.run('reload')
  await fleet.service.until({ event: 'stage', name: 'listening' }, since)
  await delay(300)
  expect(await fleet.pids()).toEqual(before)
  fleet.service.control({})
  expect((await reload).code).toBe(0)
  await fleet.stop()
})

test('addFile() is refused at once: the supervisor spawns the successors', async () => {
  await using fleet = await startUsual({ env: { FRAMEWORK: 'http' }, workers: 1 })
  const answer = await post(fleet, '/add-file')
  expect(answer).toMatchObject({
    code: 'ERR_ENDLESS_UNSUPPORTED',
    message: expect.stringMatching(/addFile\("log"\).*supervisor/),
  })
  await fleet.stop()
})

test('the pid file that an app names is that of the supervisor', async () => {
  const pidFile = join(temporaryDirectory(), 'app.pid')
  const options = JSON.stringify({ slowStart: 0, pidFile })
  await using fleet = await Fleet.start({ env: { ENDLESS_OPTIONS: options } })
  const named = (): number => Number(readFileSync(pidFile, 'utf8'))
  expect(named()).toBe(fleet.pid)
  await fleet.reload()
  expect(named()).toBe(fleet.pid)
  await fleet.stop()
  expect(existsSync(pidFile)).toBe(false)
})

describe('an app that ends itself', () => {
  test.each([0, 7])('with %i at its start: so does the service', async (code) => {
    await using fleet = await Fleet.start({ control: { import: `exit${code}` }, wait: false })
    expect(await fleet.service.exited).toEqual({ code, signal: null })
    await fleet.service.untilStderr(new RegExp(`exited with code ${code} before it was ready`))
  })

  test.each([0, 7])('with %i after it served: it is replaced', async (code) => {
    await using fleet = await Fleet.start()
    const before = await fleet.pids()
    const since = fleet.service.mark()
    const url = `/exit?code=${code}`
    await request({ target: { port: fleet.port }, method: 'GET', url }).catch(() => {})
    await fleet.service.until({ event: 'state', to: 'ready' }, since)
    await fleet.service.untilStderr(new RegExp(`exited with code ${code}$`, 'm'))
    const { workers } = await fleet.status()
    expect(workers.map(({ restarts }) => restarts).sort()).toEqual([0, 1])
    const pids = workers.map(({ pid }) => pid)
    expect(before.filter((pid) => pids.includes(pid))).toHaveLength(1)
    await fleet.stop()
    expect((await fleet.service.exited).code).toBe(0)
  })

  test('again and again: the service ends, with its code', async () => {
    await using fleet = await Fleet.start({ workers: 1, flags: ['--max-restarts', '2'] })
    fleet.service.control({ listening: 'exit7' })
    await request({ target: { port: fleet.port }, url: '/exit?code=7' }).catch(() => {})
    expect(await fleet.service.exited).toEqual({ code: 7, signal: null })
    await fleet.service.ended
    expect(fleet.service.stderr).toMatch(/Crashed more than 2 times in a row \(--max-restarts\)/)
    expect(fleet.service.all({ event: 'slot' }).length).toBeGreaterThan(2)
  })
})

test('a script that never listens is told apart from a slow one', async () => {
  await using fleet = await Fleet.start({
    script: fixture('never.js'),
    flags: ['--ready-timeout', '700'],
    wait: false,
  })
  expect(await fleet.service.exited).toEqual({ code: 1, signal: null })
  await fleet.service.untilStderr(/not ready within 700 ms.*listen/)
})
