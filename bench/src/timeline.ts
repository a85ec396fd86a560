import { quantileSorted } from 'simple-statistics'

/** An upgrade; times in ms. */
export interface Upgrade {
  readonly at: number
  /** From the signal to the first response of the new generation; undefined when there was none. */
  ready: number | undefined
  /** When it was over, where it is looked at for as long as it takes. */
  over?: number
}

/** In ms. */
export interface Latencies {
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

/** A right answer. */
export interface Sample {
  /** When it came, in ms. */
  readonly at: number
  readonly latency: number
  readonly pid: string
  readonly generation: number
}

/** A request that failed, and when it did, in ms. */
export interface Failed {
  readonly at: number
  readonly kind: string
}

/** How late the timer of a process was that does nothing; times in ms. */
interface Lateness {
  readonly at: number
  readonly late: number
}

/** What an upgrade may be seen in, from its signal on, and as long before it for comparison; in ms. */
const windowOf = 1_200

/** What the clients have seen, and when. */
export class Timeline {
  readonly upgrades: Upgrade[] = []
  readonly samples: Sample[] = []
  readonly failures: Failed[] = []
  readonly #started = performance.now()
  /** Pids, in the order of their first response. */
  readonly #generations: string[] = []
  #idle: readonly Lateness[] = []

  /** A right answer. */
  answered(pid: string, latency: number): void {
    const at = this.#now()
    if (!this.#generations.includes(pid)) {
      this.#generations.push(pid)
      const upgrade = this.upgrades.at(-1)
      if (upgrade) upgrade.ready ??= at - upgrade.at
    }
    this.samples.push({ at, latency, pid, generation: this.#generations.indexOf(pid) })
  }

  failed(kind: string): void {
    this.failures.push({ at: this.#now(), kind })
  }

  /** The signal is sent now. */
  upgrade(): void {
    this.upgrades.push({ at: this.#now(), ready: undefined })
  }

  /** It is over now: it is looked at from its signal until here. */
  upgraded(): void {
    const upgrade = this.upgrades.at(-1)
    if (upgrade) upgrade.over = this.#now()
  }

  /** @param found with `at` by the clock of all processes */
  idled(found: readonly Lateness[]): void {
    const began = performance.timeOrigin + this.#started
    this.#idle = found.map(({ at, late }) => ({ at: at - began, late }))
  }

  /** When the last answer came, or the last failure, in ms. */
  get end(): number {
    return Math.max(this.samples.at(-1)?.at ?? 0, this.failures.at(-1)?.at ?? 0)
  }

  get latencies(): Latencies {
    return latenciesOf(this.samples)
  }

  /** Of the time before each upgrade. */
  get steady(): Latencies {
    return latenciesOf(this.#before(this.samples))
  }

  /** Of the time from each signal on. */
  get overUpgrades(): Latencies {
    return latenciesOf(this.#after(this.samples))
  }

  /** How late the timer of a process that does nothing was at most, in ms. */
  get idle(): { readonly steady: number; readonly overUpgrades: number } {
    const most = (found: readonly Lateness[]): number =>
      Math.max(0, ...found.map(({ late }) => late))
    return { steady: most(this.#before(this.#idle)), overUpgrades: most(this.#after(this.#idle)) }
  }

  #before<T extends { readonly at: number }>(all: readonly T[]): T[] {
    return this.#within(all, ({ at }) => [at - windowOf, at])
  }

  #after<T extends { readonly at: number }>(all: readonly T[]): T[] {
    return this.#within(all, ({ at, over }) => [at, over ?? at + windowOf])
  }

  #within<T extends { readonly at: number }>(
    all: readonly T[],
    window: (upgrade: Upgrade) => readonly [from: number, to: number],
  ): T[] {
    const windows = this.upgrades.map(window)
    return all.filter(({ at }) => windows.some(([from, to]) => at >= from && at < to))
  }

  #now(): number {
    return performance.now() - this.#started
  }
}

function latenciesOf(samples: readonly Sample[]): Latencies {
  const sorted = samples.map(({ latency }) => latency).sort((a, b) => a - b)
  const at = (part: number): number => (sorted.length === 0 ? 0 : quantileSorted(sorted, part))
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: sorted.at(-1) ?? 0 }
}
