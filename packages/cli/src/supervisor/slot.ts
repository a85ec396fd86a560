import type { Exit } from '@endlessjs/core/fleet'
import { Crashes } from './crashes.js'
import type { Takeover } from './takeover.js'
import type { Worker } from './worker.js'

/** Beyond the hammer, in ms: then a worker that was to leave does not hear anybody any more. */
const grace = 10_000

/** One of the places in which a worker serves. */
export class Slot {
  readonly index: number
  readonly crashes: Crashes = new Crashes()
  /** The one that serves, or is about to. */
  current: Worker | undefined
  /** To the next one, while there is one. */
  takeover: Takeover | undefined
  /** Those that have not exited, oldest first. */
  readonly living: Set<Worker> = new Set()
  #generation = -1
  /** When those that leave are given up. */
  readonly #late = new Map<Worker, NodeJS.Timeout>()
  /** A worker has served in it: from then on it is kept filled. */
  isEstablished = false
  /** It is to be empty from here on. */
  isClosed = false
  /** Of the worker that exited last. */
  lastExit: Exit | undefined

  constructor(index: number) {
    this.index = index
  }

  nextGeneration(): number {
    return ++this.#generation
  }

  join(worker: Worker): void {
    this.living.add(worker)
    // It was spawned when the slot was about to be closed.
    if (this.isClosed) this.stop(worker)
    void worker.exited.then((exit) => {
      this.living.delete(worker)
      this.lastExit = exit
    })
  }

  /** Settles when nobody is left: one that was being born meanwhile as well. */
  async emptied(): Promise<void> {
    while (this.living.size > 0) await Promise.all([...this.living].map(({ exited }) => exited))
  }

  /** Whether somebody serves, is about to, or can do so again. */
  get isOccupied(): boolean {
    const { takeover } = this
    return [...this.living].some((worker) => {
      if (worker.isToldToStop) return false
      return !worker.isLeaving || (takeover?.old === worker && !takeover.isOver)
    })
  }

  /** Whether its death is that of a reload, and mended by whoever came before it. */
  isOnProbation(worker: Worker): boolean {
    return this.takeover?.heir === worker && !this.takeover.isOver
  }

  /** The new one serves. */
  handOver(worker: Worker): void {
    const old = this.current
    this.current = worker
    if (old && old !== worker) this.leaves(old)
  }

  /** It serves again: the one that came after it is to go. */
  takeBack(worker: Worker): void {
    const failed = this.current
    // It was told to go while it said so, and goes.
    if (worker.isToldToStop || worker.state === 'exited') return
    this.current = worker
    this.#keep(worker)
    worker.state = 'serving'
    worker.isLeaving = false
    worker.drain = undefined
    if (failed && failed !== worker) {
      this.stop(failed)
    }
  }

  /** By the one before it. What it makes of a TERM is a wish for all, so it is told what is meant. */
  signal(pid: number, signal: NodeJS.Signals): void {
    const worker = [...this.living].find((one) => one.pid === pid)
    if (signal !== 'SIGTERM') worker?.signal(signal)
    else if (worker && !worker.isToldToStop) this.stop(worker)
  }

  /** It is to go. */
  stop(worker: Worker): void {
    worker.stop()
    this.leaves(worker)
  }

  /** A worker drains, and is killed when that takes longer than its own hammer. */
  leaves(worker: Worker): void {
    if (worker.state === 'exited') return
    worker.state = 'draining'
    worker.isLeaving = true
    const { hammerTime, probation } = worker.terms ?? { hammerTime: 0, probation: 0 }
    if (hammerTime === false) return
    this.#keep(worker)
    const ms = Math.max(hammerTime, probation) + grace
    this.#late.set(
      worker,
      setTimeout(() => worker.signal('SIGKILL'), ms),
    )
    void worker.exited.then(() => this.#keep(worker))
  }

  /** Its time is not measured any more: it is gone, it has come back, or begins anew to leave. */
  #keep(worker: Worker): void {
    clearTimeout(this.#late.get(worker))
    this.#late.delete(worker)
  }
}
