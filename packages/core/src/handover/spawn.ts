import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { Socket } from 'node:net'
import { EndlessError, messageOf } from '../errors.js'
import { laneOf, withLanes } from '../node/index.js'
import { ChildSuccessor } from './child.js'
import { encodeHandover, type Handover, handoverVariable } from './handover.js'
import type { SpawnPlan } from './plan.js'
import { withPreload } from './preload.js'
import type { Parcel, Successor } from './successor.js'

/** The fds 0 to 2 are stdio, 3 is the IPC channel. */
const firstFd = 4

/** Spawns a successor that inherits the parcel's fds. */
export function startSuccessor(plan: SpawnPlan, parcel: Parcel, readyTimeout: number): Successor {
  const { listeners, files } = parcel
  const fds = [...listeners, ...files].map(({ fd }) => fd)
  const [inherited = [], lanes = []] = successorFds(fds.length, parcel.lanes)
  const at = (n: number): number => inherited[n] ?? -1
  const handover: Handover = {
    generation: parcel.generation,
    predecessor: process.pid,
    listeners: listeners.map((one, n) => ({ ...one, fd: at(n) })),
    files: files.map((one, n) => ({ ...one, fd: at(listeners.length + n) })),
    lanes,
  }
  const env = { ...plan.env, [handoverVariable]: encodeHandover(handover) }
  const child = spawnSuccessor({ ...plan, env: withPreload(env) }, fds, lanes.length)
  const pipes = lanes.map((fd) => child.stdio[fd] as Socket)
  return new ChildSuccessor(child, plan, readyTimeout, child.pid ? pipes.map(laneOf) : [])
}

/** What fds are in a successor: first those that it inherits, then those of the lanes. */
function successorFds(inherited: number, lanes: number): number[][] {
  const all = Array.from({ length: inherited + lanes }, (_, n) => firstFd + n)
  return [all.slice(0, inherited), all.slice(inherited)]
}

/**
 * Spawns a successor. Its stdio is inherited: through a pipe of ours it would die of EPIPE when we
 * exit. What `fds` and the lanes are in it, {@link successorFds} says.
 */
function spawnSuccessor(plan: SpawnPlan, fds: readonly number[], laneCount: number): ChildProcess {
  if (!existsSync(plan.cwd))
    throw new EndlessError(
      'ERR_ENDLESS_SPAWN',
      `the working directory ${plan.cwd} is gone: put it back, or set "cwd" in a beforeSpawn hook`,
    )
  try {
    const lanes = Array<'pipe'>(laneCount).fill('pipe')
    const stdio: StdioOptions = ['inherit', 'inherit', 'inherit', 'ipc', ...fds, ...lanes]
    const { command, args, cwd, env } = plan
    return withLanes(
      (at) => at >= firstFd + fds.length,
      () => spawn(command, args, { cwd, env, stdio, serialization: 'json' }),
    )
  } catch (cause) {
    throw new EndlessError(
      'ERR_ENDLESS_SPAWN',
      `cannot spawn ${plan.command}: ${messageOf(cause)}`,
      { cause },
    )
  }
}
