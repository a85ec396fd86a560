import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import type { Socket } from 'node:net'
import { EndlessError, messageOf } from '../errors.js'
import { type Channel, channelOf, withPipes } from '../node/index.js'
import { ChildSuccessor } from './child.js'
import { encodeHandover, type Handover, handoverVariable, hearsFd, saysFd } from './handover.js'
import type { SpawnPlan } from './plan.js'
import { withPreload } from './preload.js'
import type { Parcel, Successor } from './successor.js'

const firstFd = hearsFd + 1

/** Spawns a successor that inherits the parcel's fds; throws `ERR_ENDLESS_SPAWN`. */
export async function startSuccessor(
  plan: SpawnPlan,
  parcel: Parcel,
  readyTimeout: number,
): Promise<Successor> {
  const { listeners, files, elders, generation } = parcel
  const fds = [...listeners, ...files, ...elders].map(({ fd }) => fd)
  const [inherited = [], [reports = -1, ...lanes] = []] = successorFds(fds.length, 1 + parcel.lanes)
  const at = (n: number): number => inherited[n] ?? -1
  const handover: Handover = {
    generation,
    predecessor: process.pid,
    listeners: listeners.map((one, n) => ({ ...one, fd: at(n) })),
    files: files.map((one, n) => ({ ...one, fd: at(listeners.length + n) })),
    elders: [
      ...elders.map((one, n) => ({ ...one, fd: at(listeners.length + files.length + n) })),
      { pid: process.pid, generation: generation - 1, fd: reports },
    ],
    lanes,
  }
  const env = { ...plan.env, [handoverVariable]: encodeHandover(handover) }
  const pipes = [saysFd, hearsFd, reports, ...lanes]
  const child = spawnSuccessor({ ...plan, env: withPreload(env) }, fds, pipes.length)
  const { pid } = child
  if (pid === undefined) throw spawnError(plan, (await once(child, 'error'))[0])
  const channels = pipes.map((fd) => channelOf(child.stdio[fd] as Socket))
  return new ChildSuccessor(child, pid, channels as [Channel, Channel, Channel], readyTimeout)
}

/** What fds are in a successor: first those that it inherits, then pipes. */
function successorFds(inherited: number, pipes: number): number[][] {
  const all = Array.from({ length: inherited + pipes }, (_, n) => firstFd + n)
  return [all.slice(0, inherited), all.slice(inherited)]
}

/**
 * Spawns a successor. Its stdio is inherited: through a pipe of ours it would die of EPIPE when we
 * exit. What `fds` and the pipes are in it, {@link successorFds} says; the first two are its channels.
 */
function spawnSuccessor(plan: SpawnPlan, fds: readonly number[], pipeCount: number): ChildProcess {
  if (!existsSync(plan.cwd))
    throw new EndlessError(
      'ERR_ENDLESS_SPAWN',
      `the working directory ${plan.cwd} is gone: put it back, or set "cwd" in a beforeSpawn hook`,
    )
  try {
    const pipes = Array<'pipe'>(pipeCount - 2).fill('pipe')
    const stdio: StdioOptions = ['inherit', 'inherit', 'inherit', 'pipe', 'pipe', ...fds, ...pipes]
    const { command, args, cwd, env } = plan
    return withPipes(
      (at) => at === saysFd || at === hearsFd || at >= firstFd + fds.length,
      () => spawn(command, args, { cwd, env, stdio }),
    )
  } catch (cause) {
    throw spawnError(plan, cause)
  }
}

function spawnError(plan: SpawnPlan, cause: unknown): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_SPAWN',
    `cannot spawn ${plan.command} in ${plan.cwd}: ${messageOf(cause)}`,
    { cause },
  )
}
