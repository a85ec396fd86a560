import type { TotalsStatus } from '@endlessjs/core/control'
import { type Drained, sumOf } from '@endlessjs/core/fleet'
import type { Worker } from './worker.js'

/** How reloads ended since the service was started, and what they made of connections. */
export class Totals {
  #succeeded = 0
  #failed = 0
  /** Of workers that have gone. */
  #gone: Drained = sumOf([])

  /** @returns the same, with what it came to counted */
  async count(reload: Promise<void>): Promise<void> {
    try {
      await reload
      this.#succeeded++
    } catch (error) {
      this.#failed++
      throw error
    }
  }

  /** What it said last of its drain is what it counts for. */
  hasGone({ drain }: Worker): void {
    this.#gone = sumOf([this.#gone, drain?.counts])
  }

  /** @param living whose drains go on */
  status(living: readonly Worker[]): TotalsStatus {
    return {
      upgrades: { succeeded: this.#succeeded, failed: this.#failed },
      connections: sumOf([this.#gone, ...living.map(({ drain }) => drain?.counts)]),
    }
  }
}
