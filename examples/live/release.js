import { readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

/** Who deploys which release, as `broken:4711`. A link is there with what it says, or not at all. */
const mark = join(process.env.LIVE ?? '.', 'deploying')

function underWay() {
  try {
    const [release, pid] = readlinkSync(mark).split(':')
    // Whoever was killed at it has left its mark behind.
    process.kill(Number(pid), 0)
    return release
  } catch {
    return undefined
  }
}

/** What a release that does not work does when it starts. */
export function checkRelease() {
  if (underWay() === 'broken') throw new Error('this release is broken: it throws when it starts')
}

/** Whatever starts until `work` is done is of that release: one at a time, whichever worker is asked. */
export async function whileReleasing(release, work) {
  take(release)
  try {
    return await work()
  } finally {
    rmSync(mark, { force: true })
  }
}

function take(release) {
  const lay = () => symlinkSync(`${release}:${process.pid}`, mark)
  try {
    lay()
  } catch {
    if (underWay()) throw new Error('another deploy is under way')
    rmSync(mark, { force: true })
    lay()
  }
}
