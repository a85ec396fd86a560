import {
  type Beat,
  type Born,
  type DrainReport,
  EndlessError,
  type Exit,
  type Handle,
  type Terms,
  type ToSupervisor,
  type ToWorker,
} from '@endlessjs/core/fleet'
import type { Release } from './release.js'

/** `serving` until it has handed over, or is told to go; then it `drains`. */
export type WorkerState = 'starting' | 'serving' | 'draining' | 'exited'

/** What a worker is from its birth on. */
export interface WorkerFacts {
  readonly slot: number
  readonly generation: number
  readonly release: Release
  readonly nonce: string
}

/** One process of the fleet, as its supervisor sees it. */
export class Worker {
  readonly facts: WorkerFacts
  readonly pid: number
  readonly startedAt: number = performance.now()
  readonly exited: Promise<Exit>
  /** Settles when it has proved that it serves; rejects when it dies before that. */
  readonly serves: Promise<void>
  state: WorkerState = 'starting'
  terms: Terms | undefined
  beat: Beat | undefined
  beatAt: number = performance.now()
  drain: DrainReport | undefined
  /** What it listens on, by the names under which the supervisor holds it. */
  names: readonly string[] = []
  /** Its end was asked for. */
  isToldToStop = false
  /** By a signal of ours, or of the one before it: what it makes of that is no wish of anybody. */
  isSignalled = false
  /** It has said so, and was counted. */
  hasCrashed = false
  /** It has handed over. */
  isLeaving = false
  readonly #born: Born

  /** @param hear what it says, apart from what it says of itself */
  constructor(
    facts: WorkerFacts,
    born: Born,
    hear: (worker: Worker, message: ToSupervisor, cargo: Handle | undefined) => void,
  ) {
    this.facts = facts
    this.#born = born
    this.pid = born.body.pid
    this.exited = born.body.exited.then((exit) => {
      this.state = 'exited'
      return exit
    })
    let proved = (): void => {}
    this.serves = new Promise((resolve, reject) => {
      proved = resolve
      // What it says to whoever came before it, and what it says here, go by two channels.
      void this.exited.then((exit) => reject(goneError(this.pid, exit)))
    })
    // Of those that come after another one it is not asked.
    this.serves.catch(() => {})
    born.link.listen((received, cargo) => {
      const message = received as ToSupervisor
      if (message.endless === 'serving' && message.nonce === facts.nonce) {
        this.terms = message.terms
        // It may have been told to go meanwhile.
        if (this.state === 'starting') this.state = 'serving'
        this.beatAt = performance.now()
        proved()
      }
      if (message.endless === 'beat') this.#beats(message)
      if (message.endless === 'listens') this.names = message.names
      if (message.endless === 'drains') this.drain = message.report
      hear(this, message, cargo)
    })
    born.link.unref()
  }

  /** In ms. */
  get age(): number {
    return performance.now() - this.startedAt
  }

  get hasServed(): boolean {
    return this.terms !== undefined
  }

  /** How long nothing was heard of it, in ms. */
  get silence(): number {
    return performance.now() - this.beatAt
  }

  tell(message: ToWorker, cargo?: Handle, sent?: () => void): void {
    this.#born.link.send(message, sent, cargo)
  }

  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGTERM') {
      this.isToldToStop = true
      this.isSignalled = true
    }
    this.#born.body.signal(signal)
  }

  /** In order. One that has not come so far that it hears us has nothing to finish. */
  stop(): void {
    this.isToldToStop = true
    this.tell({ endless: 'stop' })
    if (this.state === 'starting') this.signal('SIGTERM')
  }

  #beats({ rss, delay, connections, inFlight, requests }: Beat): void {
    this.beat = { rss, delay, connections, inFlight, requests }
    this.beatAt = performance.now()
  }
}

function goneError(pid: number, exit: Exit): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_SUCCESSOR_EXITED',
    `worker ${pid} ${describeExit(exit)} before it had said that it serves`,
  )
}

/** `killed by SIGKILL`, `exited with code 1`. */
export function describeExit({ code, signal }: Exit): string {
  return signal ? `was killed by ${signal}` : `exited with code ${code}`
}
