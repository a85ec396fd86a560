import type {
  Beat,
  Born,
  DrainReport,
  Exit,
  Handle,
  Terms,
  ToSupervisor,
  ToWorker,
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
  /** Settles when it has proved that it serves. */
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
    this.serves = new Promise((resolve) => {
      proved = resolve
    })
    born.link.listen((received, cargo) => {
      const message = received as ToSupervisor
      if (message.endless === 'serving' && message.nonce === facts.nonce) {
        this.terms = message.terms
        this.state = 'serving'
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
    this.#born.body.signal(signal)
  }

  /** Its predecessor wants its end, and cannot signal it itself. */
  end(signal: NodeJS.Signals): void {
    this.isToldToStop = true
    this.signal(signal)
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

/** `killed by SIGKILL`, `exited with code 1`. */
export function describeExit({ code, signal }: Exit): string {
  return signal ? `was killed by ${signal}` : `exited with code ${code}`
}
