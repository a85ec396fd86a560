import { messageOf } from '@endlessjs/core/fleet'
import type { Fleet } from './fleet.js'
import type { Slot } from './slot.js'
import type { Voice } from './voice.js'
import type { Worker } from './worker.js'

/** How often to look, in ms. */
const lookEvery = 1_000
/** By how much of it the age of a worker may exceed the most, so that not all are replaced at once. */
const jitter = 0.1
/** How long to leave a worker that could not be renewed as it is, in ms: what was wrong may be so still. */
const retryAfter = 30_000

/** When a worker is replaced though it serves. Memory in bytes, times in ms; what is left out never is. */
export interface Limits {
  readonly maxMemory?: number | undefined
  readonly maxAge?: number | undefined
  readonly maxRequests?: number | undefined
  /** For so long its event loop may stand still. */
  readonly hangTimeout?: number | undefined
}

/** Looks after workers that serve: those that have grown old are renewed, those that hang are killed. */
export class Watch {
  readonly #fleet: Fleet
  readonly #limits: Limits
  readonly #voice: Voice
  readonly #timer: NodeJS.Timeout
  readonly #luck = new WeakMap<Worker, number>()
  #lookedAt = performance.now()
  /** Those that could not be renewed, and when that was. */
  readonly #failed = new WeakMap<Worker, number>()

  constructor(fleet: Fleet, limits: Limits, voice: Voice) {
    this.#fleet = fleet
    this.#limits = limits
    this.#voice = voice
    this.#timer = setInterval(() => this.#look(), lookEvery).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    // A supervisor that was stopped (Ctrl-Z) has beats to read first: who is silent, it was itself.
    const wasStopped = performance.now() - this.#lookedAt > 2 * lookEvery
    this.#lookedAt = performance.now()
    if (!wasStopped)
      for (const { current } of this.#fleet.slots) if (current) this.#lookForHang(current)
    // Never beside a reload, and one at a time.
    if (this.#fleet.state !== 'serving') return
    // The oldest first: where they are due again soon, the first slot would have every turn.
    const born = ({ current }: Slot): number => current?.startedAt ?? 0
    for (const slot of [...this.#fleet.slots].sort((one, other) => born(one) - born(other))) {
      const why = slot.current?.state === 'serving' ? this.#whyToRenew(slot.current) : undefined
      if (why !== undefined) return void this.#renew(slot, why)
    }
  }

  #lookForHang(worker: Worker): void {
    const { hangTimeout } = this.#limits
    if (!hangTimeout || worker.state !== 'serving') return
    // It says each second how it is.
    if (worker.silence < hangTimeout + lookEvery) return
    this.#voice.complain(
      `Worker ${worker.facts.slot}, pid ${worker.pid}, was silent for ${worker.silence.toFixed(0)} ms ` +
        '(--hang-timeout): killed',
    )
    worker.signal('SIGKILL')
  }

  #whyToRenew(worker: Worker): string | undefined {
    const { maxMemory, maxAge, maxRequests } = this.#limits
    if (performance.now() - (this.#failed.get(worker) ?? Number.NEGATIVE_INFINITY) < retryAfter)
      return undefined
    const { rss = 0, requests = 0 } = worker.beat ?? {}
    if (maxMemory && rss > maxMemory) return `it has ${rss} bytes (--max-memory)`
    if (maxAge && worker.age > maxAge * this.#luckOf(worker)) return 'it is old (--max-age)'
    if (maxRequests && requests > maxRequests * this.#luckOf(worker))
      return `it has answered ${requests} requests (--max-requests)`
    return undefined
  }

  #luckOf(worker: Worker): number {
    const luck = this.#luck.get(worker) ?? 1 + Math.random() * jitter
    this.#luck.set(worker, luck)
    return luck
  }

  async #renew(slot: Slot, why: string): Promise<void> {
    const { current } = slot
    this.#voice.say(`Renewing worker ${slot.index}: ${why}.`)
    try {
      await this.#fleet.renew(slot)
    } catch (error) {
      if (current) this.#failed.set(current, performance.now())
      this.#voice.complain(`Worker ${slot.index} was not renewed: ${messageOf(error)}`)
    }
  }
}
