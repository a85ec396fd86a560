import { basename } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Status } from '../api.js'
import {
  type ControlHandler,
  type DrainStatus,
  type Hammered,
  type Moved,
  type ProgressEvent,
  type ReloadArgs,
  type ServiceStatus,
  unknownCommand,
} from '../control/index.js'
import { EndlessError } from '../errors.js'
import type { Generation } from '../generation/index.js'
import { spawnPlan, startSuccessor } from '../handover/index.js'
import type { Departure } from './departure.js'
import type { Spawner } from './upgrade.js'

/** How long a status watches the event loop, in ms. */
const lookFor = 10

/** What the commands are done with. */
export interface Commanded {
  readonly generation: Generation
  readonly departure: Departure
  /** Of the control socket. */
  readonly path: string
  /** Settles when the process is about to exit. */
  readonly ending: Promise<void>
  status(): Status
  upgrade(spawner: Spawner): Promise<{ pid: number }>
  /** The upgrade that is under way, until its successor serves; undefined where there is none. */
  upgrading(): Promise<void> | undefined
}

type Progress = (event: ProgressEvent) => void

/** What can be asked of an app without a supervisor, as of one with it: one process is the fleet. */
export class Commands {
  readonly #commanded: () => Commanded
  /** The directory may be gone by the time that somebody asks. */
  readonly #release = process.cwd()
  readonly #all: Readonly<Record<string, (args: unknown, progress: Progress) => Promise<object>>> =
    {
      reload: (args, progress) => this.#reload(args, progress),
      status: () => this.#status(),
      scale: async () => {
        throw new EndlessError(
          'ERR_ENDLESS_UNSUPPORTED',
          'this service has no supervisor, and is one process: start it with endless start -w <n> for more',
        )
      },
      hammer: async () => this.#hammer(),
      stop: (_, progress) => this.#stop(progress),
    }

  constructor(commanded: () => Commanded) {
    this.#commanded = commanded
  }

  readonly handle: ControlHandler = async (command, args, progress) => {
    const run = Object.hasOwn(this.#all, command) ? this.#all[command] : undefined
    if (!run) throw unknownCommand(command, Object.keys(this.#all))
    return this.#moved ?? run(args, progress)
  }

  /** Where the successor serves it is the one to ask: whoever came here was just before that. */
  get #moved(): Moved | undefined {
    return this.#commanded().departure.successor ? { moved: true } : undefined
  }

  async #reload(args: unknown, progress: Progress): Promise<object> {
    const { departure, generation, upgrade } = this.#commanded()
    const { wait = false } = Object(args) as Partial<ReloadArgs>
    for (let one = this.#underWay; one; one = this.#underWay) {
      if (!wait)
        throw new EndlessError(
          'ERR_ENDLESS_UPGRADE_IN_PROGRESS',
          'an upgrade is in progress, or its successor on probation: wait for its end (endless reload --wait), ' +
            'then ask again',
        )
      await one.catch(() => {})
    }
    if (this.#moved) return this.#moved
    const next = generation.number + 1
    progress({ phase: 'starting', generation: next })
    const { pid } = await upgrade({
      plan: spawnPlan,
      start: async (plan, parcel, readyTimeout) => {
        const successor = await startSuccessor(plan, parcel, readyTimeout)
        const say = (phase: string): void =>
          progress({ phase, pid: successor.pid, generation: next })
        say('spawned')
        successor.ready.then(
          () => say('ready'),
          // The upgrade fails of it.
          () => {},
        )
        return successor
      },
    })
    progress({ phase: 'serving', pid, generation: next })
    progress({ phase: 'probation', text: `${generation.settings.values.probation} ms` })
    await departure.trial?.outcome
    return { release: this.#release }
  }

  /** What a reload would be in the way of, up to the end of the probation: here, or before us. */
  get #underWay(): Promise<void> | undefined {
    const { departure, generation, upgrading } = this.#commanded()
    const { trial } = departure
    return (
      upgrading() ?? (trial && !trial.isOver ? trial.outcome : undefined) ?? watchOver(generation)
    )
  }

  async #status(): Promise<ServiceStatus> {
    const { departure, path } = this.#commanded()
    const since = performance.now()
    await delay(lookFor)
    const late = performance.now() - since - lookFor
    const { pid, generation, state, uptime, connections, requests, draining, totals } =
      this.#commanded().status()
    const elders: DrainStatus[] = draining.map(({ drain, ...elder }) => ({
      pid: elder.pid,
      generation: elder.generation,
      age: drain?.age ?? 0,
      hammerIn: drain?.hammerIn ?? false,
      holds: drain?.holds ?? [],
    }))
    const own = departure.ending?.report
    return {
      ...{ name: basename(path, '.sock'), pid, release: this.#release, uptime, state, totals },
      workers: [
        {
          ...{ slot: 0, state, generation, pid, release: this.#release, uptime },
          connections: connections.total,
          inFlight: requests.length,
          rss: process.memoryUsage.rss(),
          delay: Math.max(0, late),
          draining: own ? [...elders, { pid, generation, ...own }] : elders,
        },
      ],
    }
  }

  #hammer(): Hammered {
    const { departure, generation } = this.#commanded()
    const elders = generation.elders.living.map(({ pid }) => pid)
    const pids = departure.ending ? [...elders, process.pid] : elders
    if (pids.length === 0)
      throw new EndlessError(
        'ERR_ENDLESS_NOT_DRAINING',
        'nothing drains: the hammer is for generations that are on their way out',
      )
    const signal = hammerSignal(generation)
    for (const pid of elders) process.kill(pid, signal)
    if (departure.ending) departure.hammer()
    return { pids }
  }

  async #stop(progress: Progress): Promise<object> {
    const { departure, ending } = this.#commanded()
    progress({ phase: 'stopping', text: String(process.pid) })
    await departure.stop(async () => {})
    await ending
    return { pids: [process.pid] }
  }
}

/** The predecessor stands by, to serve again if this generation fails. */
function watchOver({ predecessor }: Generation): Promise<void> | undefined {
  return predecessor && !predecessor.trusts ? predecessor.trust : undefined
}

/** What generations before this one take for the hammer: they are of the same service. */
function hammerSignal({ settings }: Generation): NodeJS.Signals {
  const { signals } = settings.values
  const found = Object.entries(signals || {}).find(([, action]) => action === 'hammer')
  if (found) return found[0] as NodeJS.Signals
  throw new EndlessError(
    'ERR_ENDLESS_UNSUPPORTED',
    'generations before this one are told by a signal, and the option "signals" has none that means hammer',
  )
}
