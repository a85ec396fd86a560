import { type Exit, messageOf } from '@endlessjs/core/fleet'
import type { Slot } from './slot.js'
import type { Voice } from './voice.js'
import { describeExit, type Worker } from './worker.js'

/** Who a slot is empty for. */
export interface Repairs {
  /** Starts a worker of the committed release there; settles when it serves. */
  fill(slot: Slot): Promise<void>
  /** Nothing but crashes is to be expected. */
  giveUp(exit: Exit): void
}

/** Workers that die unbidden are replaced: at once, and with pauses when that goes on. */
export class Repair {
  readonly #maxRestarts: number
  readonly #repairs: Repairs
  readonly #voice: Voice
  readonly #over = new AbortController()
  /** Those that are being filled. */
  readonly #busy = new Set<Slot>()

  constructor(maxRestarts: number, repairs: Repairs, voice: Voice) {
    this.#maxRestarts = maxRestarts
    this.#repairs = repairs
    this.#voice = voice
  }

  /** Nothing is started any more. */
  stop(): void {
    this.#over.abort()
  }

  /** One has exited that had served. */
  exited(slot: Slot, worker: Worker, exit: Exit): void {
    const isExpected = worker.isToldToStop || worker.isLeaving || slot.isOnProbation(worker)
    if (isExpected) return this.mend(slot, exit)
    this.#voice.complain(`Worker ${slot.index}, pid ${worker.pid}, ${describeExit(exit)}`)
    if (!worker.hasCrashed) slot.crashes.add(worker.age)
    this.mend(slot, exit)
  }

  /** Fills a slot in which nobody serves, nor is about to. */
  mend(slot: Slot, exit: Exit): void {
    const isOver = this.#over.signal.aborted || slot.isClosed
    if (isOver || slot.isOccupied || this.#busy.has(slot)) return
    this.#busy.add(slot)
    void this.#fill(slot, exit).finally(() => this.#busy.delete(slot))
  }

  async #fill(slot: Slot, exit: Exit): Promise<void> {
    const { signal } = this.#over
    for (let last = exit; ; ) {
      if (slot.crashes.exceed(this.#maxRestarts)) return this.#repairs.giveUp(last)
      await pass(slot.crashes.pause, signal)
      // One that drained may have come back.
      if (signal.aborted || slot.isClosed || slot.isOccupied) return
      try {
        await this.#repairs.fill(slot)
        // It may be dead by now, and its exit has found that this slot is being filled.
        if (slot.isOccupied) return
      } catch (error) {
        if (signal.aborted) return
        slot.crashes.add(0)
        last = slot.lastExit ?? last
        this.#voice.complain(`Worker ${slot.index} could not be replaced: ${messageOf(error)}`)
      }
    }
  }
}

/** Time goes by, until it is over. */
function pass(ms: number, over: AbortSignal): Promise<void> {
  if (over.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      over.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    over.addEventListener('abort', end)
  })
}
