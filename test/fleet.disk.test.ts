import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, type TestContext, test } from 'vitest'
import { load } from './support/client/index.js'
import { Fleet, type FleetStart } from './support/fleet.js'
import { temporaryDirectory } from './support/service.js'

/** A file system of the test's own, small enough to be filled. */
function smallDisk({ skip }: TestContext): string {
  const disk = temporaryDirectory()
  const options = 'size=64k,nr_inodes=24,mode=0700'
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', disk], {
    encoding: 'utf8',
  })
  if (status !== 0) skip(`a tmpfs cannot be mounted here: ${stderr}`)
  onTestFinished(() => {
    spawnSync('umount', ['-l', disk])
  })
  for (const name of ['run', 'tmp']) mkdirSync(join(disk, name), { mode: 0o700 })
  return disk
}

/** No byte more, or no file more either. */
function fill(disk: string, what: 'bytes' | 'all'): void {
  const untilFull = (write: (n: number) => void): void => {
    for (let n = 0; ; n++)
      try {
        write(n)
      } catch (error) {
        expect(error).toMatchObject({ code: 'ENOSPC' })
        return
      }
  }
  untilFull((n) => writeFileSync(join(disk, 'full'), Buffer.alloc(4_096), { flag: n ? 'a' : 'w' }))
  if (what === 'all') untilFull((n) => writeFileSync(join(disk, `empty ${n}`), ''))
}

/** All that is written is written there. */
function startOn(disk: string, more: FleetStart = {}): Promise<Fleet> {
  const options = { slowStart: 0, pidFile: join(disk, 'run', 'app.pid') }
  return Fleet.start({
    socket: join(disk, 'run', 'a.sock'),
    ...more,
    env: { TMPDIR: join(disk, 'tmp'), ENDLESS_OPTIONS: JSON.stringify(options) },
  })
}

test('a disk that fills up while it runs: it goes on, reloads, and ends in order', async (context) => {
  const disk = smallDisk(context)
  await using fleet = await startOn(disk)
  const pidFile = join(disk, 'run', 'app.pid')
  expect(Number(readFileSync(pidFile, 'utf8'))).toBe(fleet.pid)
  const traffic = load({ target: { port: fleet.port }, connections: 4, thinkTime: [0, 5] })
  await traffic.progress(10)
  fill(disk, 'all')
  const before = await fleet.pids()
  await fleet.reload()
  const after = await fleet.pids()
  expect(after.filter((pid) => before.includes(pid))).toEqual([])
  fleet.service.signal('SIGKILL', after[0])
  await fleet.service.until({ event: 'exit' })
  await traffic.progress(10)
  const { failures, failed } = await traffic.stop()
  // What was in the one that was killed.
  expect(failures.reset + failures.cut).toBe(failed)
  expect(Number(readFileSync(pidFile, 'utf8'))).toBe(fleet.pid)
  await fleet.stop()
  expect(existsSync(pidFile)).toBe(false)
})

test('a start without room for a pid file serves, and says so', async (context) => {
  const disk = smallDisk(context)
  fill(disk, 'bytes')
  await using fleet = await startOn(disk)
  await fleet.service.untilStderr(/The pid file is not up to date: .*app\.pid.*ENOSPC/)
  await fleet.reload()
  await fleet.stop()
  expect((await fleet.service.exited).code).toBe(0)
})

test('a start without room for a control socket ends, and says why', async (context) => {
  const disk = smallDisk(context)
  fill(disk, 'all')
  await using fleet = await startOn(disk, { wait: false })
  expect(await fleet.service.exited).toEqual({ code: 1, signal: null })
  await fleet.service.untilStderr(/a\.sock.*no space left|a\.sock.*ENOSPC/i)
})
