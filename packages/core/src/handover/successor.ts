import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { EndlessError } from '../errors.js'
import type { Handle } from '../node/handle.js'
import { type Lane, laneOf } from '../node/lanes.js'
import {
  type Answer,
  encodeHandover,
  type Handover,
  handoverVariable,
  isOurs,
  type TicketKeys,
  type ToPredecessor,
  type ToSuccessor,
  type Verdict,
} from './handover.js'
import { LastWords } from './lastwords.js'
import { withPreload } from './preload.js'
import { type SpawnPlan, signalChild, spawnSuccessor, successorFds } from './process.js'

/** How long a successor that is told to stop may take before it is killed, in ms. */
const killAfter = 2_000

/** How a process ended. */
interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** The generation after this one: a child of ours, or what a supervisor spawned for us. */
export interface Successor {
  readonly pid: number
  /** Settles when it is ready and waits for `go`; rejects when it fails, exits or is stopped. */
  readonly ready: Promise<void>
  readonly exited: Promise<Ending>
  /** Whether it said that it ends on purpose. */
  readonly stopping: boolean
  /** Settles when it says so. */
  readonly toldToStop: Promise<void>
  /** Whether it takes connections; known once it serves. */
  readonly adopts: boolean
  /** Duplicates of our listeners, by name: ours to close, or to rise again on. */
  readonly dormant: ReadonlyMap<string, Handle>
  /** Commits the handover; settles when it serves, rejects when it died over it. */
  go(ticketKeys: TicketKeys): Promise<void>
  /**
   * Stops it in order, then by force; settles when it is reaped.
   * @param patience how long it may take once it was told `go` and may have requests, in ms
   */
  stop(why: EndlessError, patience: number): Promise<void>
  closeDormant(): void
  /** What connections go by. */
  readonly lanes: readonly Lane[]
  /** @param sent called when the kernel has it, or with the reason why not */
  tell(verdict: Verdict, sent: Sent): void
  /** @returns stops hearing */
  onAnswer(hear: (answer: Answer) => void): () => void
}

type Sent = (error: Error | null) => void

/** What goes to a successor beside the facts: each listener and file with its fd here. */
export interface Parcel {
  readonly generation: number
  readonly listeners: readonly Handover['listeners'][number][]
  readonly files: Handover['files']
  /** How many lanes it gets for connections. */
  readonly lanes: number
}

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

class ChildSuccessor implements Successor {
  readonly pid: number
  readonly ready: Promise<void>
  readonly exited: Promise<Ending>
  readonly dormant: Map<string, Handle> = new Map()
  readonly toldToStop: Promise<void>
  stopping = false
  adopts = false
  readonly lanes: readonly Lane[]
  #committed = false
  readonly #child: ChildProcess
  readonly #serving: Promise<void>
  #fail: (error: EndlessError) => void = () => {}
  #reported: string | undefined
  readonly #words = new LastWords()

  constructor(child: ChildProcess, plan: SpawnPlan, readyTimeout: number, lanes: readonly Lane[]) {
    this.#child = child
    this.pid = child.pid ?? -1
    this.lanes = lanes
    this.exited = new Promise((resolve) => {
      // Not 'exit': that may come before the last messages were read, 'stopping' among them.
      child.once('close', (code, signal) => resolve({ code, signal }))
      // 'error' without a pid: it never lived, so no 'close' will come.
      child.once('error', () => child.pid ?? resolve({ code: null, signal: null }))
    })
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject
    })
    // Whoever waits takes the failure; nobody waits any more once it serves.
    failed.catch(() => {})
    child.on('error', (cause) => this.#fail(spawnError(plan, cause)))
    const told = new Map<string, () => void>()
    const tells = (what: string): Promise<void> =>
      Promise.race([new Promise<void>((resolve) => told.set(what, resolve)), failed])
    child.on('message', (message, handle) => {
      if (!isOurs(message)) return
      this.#hear(message as ToPredecessor, handle)
      told.get(message.endless)?.()
    })
    const timer = setTimeout(() => this.#fail(this.#timeoutError(readyTimeout)), readyTimeout)
    this.ready = tells('ready')
    this.#serving = tells('serving').finally(() => clearTimeout(timer))
    this.toldToStop = new Promise((resolve) => told.set('stopping', resolve))
    for (const promise of [this.ready, this.#serving]) promise.catch(() => {})
    void this.exited.then((ending) => this.#fail(this.#exitError(ending)))
    // What keeps us alive is our servers, then the drain: never that a successor lives.
    child.unref()
    child.channel?.unref()
  }

  async go(ticketKeys: TicketKeys): Promise<void> {
    this.#committed = true
    const message: ToSuccessor = { endless: 'go', ticketKeys }
    // A failing send means that it died: then `exited` tells why.
    if (this.#child.connected) this.#child.send(message, () => {})
    await this.#serving
  }

  async stop(why: EndlessError, patience: number): Promise<void> {
    this.#fail(why)
    signalChild(this.#child, 'SIGTERM')
    const timer = setTimeout(
      () => signalChild(this.#child, 'SIGKILL'),
      this.#committed ? patience : killAfter,
    )
    await this.exited
    clearTimeout(timer)
    this.closeDormant()
  }

  closeDormant(): void {
    for (const handle of this.dormant.values()) handle.close()
    this.dormant.clear()
  }

  tell(verdict: Verdict, sent: Sent): void {
    this.#child.send(verdict, sent)
  }

  onAnswer(hear: (answer: Answer) => void): () => void {
    const listener = (message: unknown): void => {
      if (isOurs(message)) hear(message as Answer)
    }
    this.#child.on('message', listener)
    return () => void this.#child.off('message', listener)
  }

  #hear(message: ToPredecessor, handle: unknown): void {
    if (message.endless === 'serving') this.adopts = message.adopts === true
    if (message.endless === 'stderr') this.#words.hear(message.text)
    if (message.endless === 'stopping') this.stopping = true
    if (message.endless === 'listener' && handle) this.dormant.set(message.name, handle as Handle)
    if (message.endless === 'failed') this.#reported = message.message
  }

  #exitError({ code, signal }: Ending): EndlessError {
    const how = signal ? `was killed by ${signal}` : `exited with code ${code}`
    if (this.#reported !== undefined)
      return new EndlessError(
        'ERR_ENDLESS_SUCCESSOR_FAILED',
        `successor ${this.pid} could not start: ${this.#reported}${this.#words}`,
      )
    return new EndlessError(
      'ERR_ENDLESS_SUCCESSOR_EXITED',
      `successor ${this.pid} ${how} before it was ready${this.#words}`,
    )
  }

  #timeoutError(readyTimeout: number): EndlessError {
    return new EndlessError(
      'ERR_ENDLESS_READY_TIMEOUT',
      `successor ${this.pid} was not ready within ${readyTimeout} ms: it must listen and become ` +
        `ready by then, or "readyTimeout" must be longer${this.#words}`,
    )
  }
}

function spawnError(plan: SpawnPlan, cause: Error): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_SPAWN',
    `cannot spawn ${plan.command} in ${plan.cwd}: ${cause.message}`,
    { cause },
  )
}
