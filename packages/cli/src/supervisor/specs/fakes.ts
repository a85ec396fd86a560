import type { Exit, Terms, ToWorker } from '@endlessjs/core/fleet'
import type { Release } from '../release.js'
import type { Worker, WorkerFacts, WorkerState } from '../worker.js'

export const terms: Terms = {
  hammerTime: 60_000,
  readyTimeout: 5_000,
  probation: 1_000,
  maxDraining: 4,
}

export function fakeRelease(name: string): Release {
  return { name, plan: () => ({ command: name, args: [], cwd: '/', env: {} }) }
}

/** A worker as the supervisor sees it, that remembers what it is told. */
export class FakeWorker {
  readonly facts: WorkerFacts
  readonly pid: number
  readonly told: ToWorker[] = []
  readonly signals: string[] = []
  readonly exited: Promise<Exit>
  exit: (exit?: Exit) => void = () => {}
  state: WorkerState = 'serving'
  terms: Terms | undefined = terms
  beat: unknown
  beatAt = 0
  silence = 0
  drain: unknown
  names: readonly string[] = []
  age = 60_000
  hasServed = true
  isToldToStop = false
  isSignalled = false
  hasCrashed = false
  isLeaving = false

  constructor(pid = 1, slot = 0, release: Release = fakeRelease('old')) {
    this.pid = pid
    this.facts = { slot, generation: 0, release, nonce: 'n' }
    this.exited = new Promise((resolve) => {
      this.exit = (exit = { code: 0, signal: null }) => {
        this.state = 'exited'
        resolve(exit)
      }
    })
  }

  get worker(): Worker {
    return this as unknown as Worker
  }

  tell(message: ToWorker): void {
    this.told.push(message)
  }

  signal(signal: NodeJS.Signals): void {
    this.signals.push(signal)
  }

  stop(): void {
    this.isToldToStop = true
    this.tell({ endless: 'stop' })
  }

  get heard(): string[] {
    return this.told.map(({ endless }) => endless)
  }
}
