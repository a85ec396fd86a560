import type { Socket } from 'node:net'
import {
  type Body,
  bodyOf,
  type Ends,
  type HandedLink,
  type HandedListener,
  type Heir,
  type SpawnPlan,
  spawnHeir,
} from '../handover/index.js'
import { type Channel, channelOf, type Handle, passOn } from '../node/index.js'

/** What a worker starts with. */
export interface WorkerParcel {
  readonly generation: number
  /** Each with its fd here. */
  readonly listeners: readonly HandedListener[]
  readonly link: Omit<HandedLink, 'fd' | 'pid'>
  /** How many lanes for connections: of the one that is there already. */
  readonly lanes: number
  /** Whoever it takes over from: a worker that is there already, or the supervisor. */
  readonly predecessor: number
  /** Whether its stdout and stderr come by pipes. */
  readonly piped: boolean
}

/** A worker that was spawned. */
export interface Born {
  readonly body: Body
  readonly link: Channel
  readonly stdout: Socket | null
  readonly stderr: Socket | null
  /** The near ends for its predecessor, if that is the supervisor itself. */
  ends(): Ends
  /**
   * The same for a predecessor that is another process: nothing is read from them here.
   * @param send sends each; then it is closed here
   */
  passEnds(send: (handle: Handle, sent: () => void) => void): void
}

/** Spawns a worker; throws `ERR_ENDLESS_SPAWN`. */
export async function startWorker(plan: SpawnPlan, parcel: WorkerParcel): Promise<Born> {
  const { listeners, generation, predecessor, link, lanes } = parcel
  const heir: Heir = await spawnHeir(
    plan,
    listeners.map(({ fd }) => fd),
    1 + lanes,
    (inherited, [linkFd = -1, ...rest]) => ({
      generation,
      predecessor,
      listeners: listeners.map((one, n) => ({ ...one, fd: inherited[n] ?? -1 })),
      files: [],
      lanes: rest,
      link: { ...link, fd: linkFd, pid: process.pid },
    }),
    parcel.piped ? ['inherit', 'pipe', 'pipe'] : undefined,
  )
  const { child, pid, pipes } = heir
  const [says, hears, linked, ...others] = pipes as [Socket, Socket, Socket, ...Socket[]]
  // Before anything of it is read here.
  const passing = [says, hears, ...others].map(passOn)
  return {
    body: bodyOf(child, pid),
    link: channelOf(linked),
    stdout: child.stdout as Socket | null,
    stderr: child.stderr as Socket | null,
    ends: () => {
      for (const one of passing) one.keep()
      return {
        inbox: channelOf(says),
        outbox: channelOf(hears),
        lanes: others.map(channelOf),
      }
    },
    passEnds: (send) => {
      for (const one of passing) send(one.handle, () => one.close())
    },
  }
}
