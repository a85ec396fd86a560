import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import type { Socket } from 'node:net'
import { EndlessError, messageOf } from '../errors.js'
import { type Channel, channelOf, withPipes } from '../node/index.js'
import { bodyOf } from './body.js'
import { encodeHandover, type Handover, handoverVariable, hearsFd, saysFd } from './handover.js'
import type { SpawnPlan } from './plan.js'
import { withPreload } from './preload.js'
import { SpawnedSuccessor } from './spawned.js'
import type { Parcel, Successor } from './successor.js'

const firstFd = hearsFd + 1

/** Spawns a successor that inherits the parcel's fds; throws `ERR_ENDLESS_SPAWN`. */
export async function startSuccessor(
  plan: SpawnPlan,
  parcel: Parcel,
  readyTimeout: number,
): Promise<Successor> {
  const { listeners, files, elders, generation, past } = parcel
  const fds = [...listeners, ...files, ...elders].map(({ fd }) => fd)
  const { child, pid, pipes } = await spawnHeir(plan, fds, 1 + parcel.lanes, (inherited, piped) => {
    const at = (n: number): number => inherited[n] ?? -1
    const [reports = -1, ...lanes] = piped
    return {
      generation,
      predecessor: process.pid,
      listeners: listeners.map((one, n) => ({ ...one, fd: at(n) })),
      files: files.map((one, n) => ({ ...one, fd: at(listeners.length + n) })),
      elders: [
        ...elders.map((one, n) => ({ ...one, fd: at(listeners.length + files.length + n) })),
        { pid: process.pid, generation: generation - 1, fd: reports },
      ],
      lanes,
      past,
    }
  })
  const channels = pipes.map(channelOf) as [Channel, Channel, Channel]
  const [inbox, outbox, reports, ...lanes] = channels
  reports.unref()
  const report = (drain: object): void => reports.send(drain)
  return new SpawnedSuccessor(bodyOf(child, pid), { inbox, outbox, lanes }, readyTimeout, {
    report,
  })
}

/** A process that was spawned, and the near ends of its pipes: what it says, what it hears, the others. */
export interface Heir {
  readonly child: ChildProcess
  readonly pid: number
  readonly pipes: readonly Socket[]
}

/**
 * Spawns a process that inherits fds and gets two channels, and more pipes where asked.
 * @param handoverOf what it is told: where it finds what it inherits, and its other pipes
 * @param stdio its stdin, stdout and stderr; inherited, or through a pipe of ours it would die of EPIPE
 * when we exit
 */
export async function spawnHeir(
  plan: SpawnPlan,
  fds: readonly number[],
  pipeCount: number,
  handoverOf: (inherited: readonly number[], pipes: readonly number[]) => Handover,
  stdio: readonly ('inherit' | 'pipe')[] = ['inherit', 'inherit', 'inherit'],
): Promise<Heir> {
  const all = Array.from({ length: fds.length + pipeCount }, (_, n) => firstFd + n)
  const more = all.slice(fds.length)
  const handover = handoverOf(all.slice(0, fds.length), more)
  const env = withPreload({ ...plan.env, [handoverVariable]: encodeHandover(handover) })
  const child = spawnProcess({ ...plan, env }, [
    ...stdio,
    'pipe',
    'pipe',
    ...fds,
    ...more.map(() => 'pipe' as const),
  ])
  const { pid } = child
  if (pid === undefined) throw spawnError(plan, (await once(child, 'error'))[0])
  return { child, pid, pipes: [saysFd, hearsFd, ...more].map((fd) => child.stdio[fd] as Socket) }
}

function spawnProcess(plan: SpawnPlan, stdio: (number | 'inherit' | 'pipe')[]): ChildProcess {
  if (!existsSync(plan.cwd))
    throw new EndlessError(
      'ERR_ENDLESS_SPAWN',
      `the working directory ${plan.cwd} is gone: put it back, or set "cwd" in a beforeSpawn hook`,
    )
  try {
    const { command, args, cwd, env } = plan
    const options = { cwd, env, stdio: stdio as StdioOptions }
    return withPipes(
      (at) => at >= saysFd && stdio[at] === 'pipe',
      () => spawn(command, args, options),
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
