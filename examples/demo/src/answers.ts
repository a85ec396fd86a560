import { within } from './deadline.js'
import type { Version } from './releases.js'

const patience = 30_000

interface Waiter {
  readonly version: Version
  readonly until: number
  readonly resolve: () => void
}

/** How many requests each release has answered. */
export class Answers {
  readonly #load: string
  readonly #counts = new Map<string, number>()
  #waiters: Waiter[] = []

  constructor(load: string) {
    this.#load = load
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0)
  }

  of(version: Version): number {
    return this.#counts.get(version) ?? 0
  }

  /** @param version the `x-version` of a complete response */
  add(version: string): void {
    const count = (this.#counts.get(version) ?? 0) + 1
    this.#counts.set(version, count)
    const due = this.#waiters.filter((one) => one.version === version && one.until <= count)
    if (due.length === 0) return
    this.#waiters = this.#waiters.filter((one) => !due.includes(one))
    for (const { resolve } of due) resolve()
  }

  /** Settles when this release has answered so many more. */
  more(version: Version, count: number): Promise<void> {
    const coming = new Promise<void>((resolve) => {
      this.#waiters.push({ version, until: this.of(version) + count, resolve })
    })
    return within(patience, `${count} more answers of ${version} to ${this.#load}`, coming)
  }
}
