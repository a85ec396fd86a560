import { setTimeout as delay } from 'node:timers/promises'
import type { Cut, Drain } from './drain.js'
import type { DrainReason } from './options.js'

/** What an ending needs, and what it tells. Durations in ms. */
export interface EndingPlan {
  readonly reason: DrainReason
  readonly drain: Drain
  /** The `onDrain` hooks, already under way. */
  readonly hooks: Promise<void>
  readonly hammerTime: number | false
  readonly probation: number
  drained(ms: number): void
  hammered(cut: Cut): void
  /** Called once: the process may exit. */
  over(code: number): void
}

/**
 * From the first moment of a drain to the exit: the drain, the `onDrain` hooks beside it, the
 * hammer over both, and the probation of a successor. Can be taken back until it is over.
 */
export class Ending {
  /** Becomes `'shutdown'` when a generation that has handed over is told to stop. */
  reason: DrainReason
  readonly #since = performance.now()
  readonly #plan: EndingPlan
  readonly #timer: NodeJS.Timeout | undefined
  readonly #probation = new AbortController()
  readonly #cancelled = new AbortController()
  #cut: Cut | undefined
  #fall: () => void = () => {}

  constructor(plan: EndingPlan) {
    this.reason = plan.reason
    this.#plan = plan
    if (plan.hammerTime !== false)
      this.#timer = setTimeout(() => void this.hammer(), plan.hammerTime)
    void this.#run()
  }

  /** How long the drain has gone on. */
  get age(): number {
    return performance.now() - this.#since
  }

  /** How long until the hammer falls. */
  get hammerIn(): number | false {
    const { hammerTime } = this.#plan
    return hammerTime === false ? false : Math.max(0, hammerTime - this.age)
  }

  /** There is nobody to watch any more: the drain alone decides. */
  endProbation(): void {
    this.#probation.abort()
  }

  /** Destroys what still holds the drain, and waits for no hook; a probation goes on. */
  hammer(): void {
    clearTimeout(this.#timer)
    this.#cut ??= this.#plan.drain.hammer()
    this.#plan.hammered(this.#cut)
    this.#fall()
  }

  /** The generation serves again. */
  cancel(): void {
    this.#cancelled.abort()
    clearTimeout(this.#timer)
    this.#probation.abort()
    this.#plan.drain.cancel()
  }

  async #run(): Promise<void> {
    const { drain, hooks, probation, over } = this.#plan
    const watched = delay(probation, undefined, { signal: this.#probation.signal }).catch(() => {})
    const fell = new Promise<void>((resolve) => {
      this.#fall = resolve
    })
    await Promise.race([Promise.all([drain.ended, hooks]), fell])
    clearTimeout(this.#timer)
    if (this.#cancelled.signal.aborted) return
    if (!this.#cut) this.#plan.drained(this.age)
    await watched
    if (!this.#cancelled.signal.aborted) over(this.#cut?.unfinished ? 1 : 0)
  }
}
