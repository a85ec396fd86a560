import type { TotalsStatus } from '@endlessjs/core/control'
import type { Worker } from './worker.js'

type Counts = TotalsStatus['connections']

/** How reloads ended since the service was started, and what they made of connections. */
export class Totals {
  #succeeded = 0
  #failed = 0
  /** Of workers that have gone. */
  #gone: Counts = { moved: 0, drained: 0, cut: 0 }

  /** @returns the same, with what it came to counted; a refusal is none */
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
    this.#gone = sum([this.#gone, drain?.counts])
  }

  /** @param living whose drains go on */
  status(living: readonly Worker[]): TotalsStatus {
    return {
      upgrades: { succeeded: this.#succeeded, failed: this.#failed },
      connections: sum([this.#gone, ...living.map(({ drain }) => drain?.counts)]),
    }
  }
}

function sum(all: readonly (Counts | undefined)[]): Counts {
  const total = (name: keyof Counts): number =>
    all.reduce((count, one) => count + (one?.[name] ?? 0), 0)
  return { moved: total('moved'), drained: total('drained'), cut: total('cut') }
}
