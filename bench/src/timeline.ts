import { quantileSorted } from 'simple-statistics'

/** Width of a bucket in ms. */
export const bucket = 100

/** Responses of one generation in one bucket. */
export interface Slice {
  readonly generation: number
  /** The bucket's begin, in ms. */
  readonly at: number
  readonly responses: number
}

/** An upgrade; times in ms. */
export interface Upgrade {
  readonly at: number
  /** From the signal to the first response of the new generation; undefined when there was none. */
  ready: number | undefined
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
}

/** What an upgrade may be seen in, from its signal on, and as long before it for comparison; in ms. */
const windowOf = 1_200

/** What the clients have seen, and when. */
export class Timeline {
  readonly upgrades: Upgrade[] = []
  readonly #started = performance.now()
  /** Responses by bucket, by pid, in the order of their first response. */
  readonly #generations = new Map<string, Map<number, number>>()
  readonly #failures = new Map<number, number>()
  readonly samples: Sample[] = []

  /** A right answer. */
  answered(pid: string, latency: number): void {
    let counts = this.#generations.get(pid)
    if (!counts) {
      counts = new Map()
      this.#generations.set(pid, counts)
      const upgrade = this.upgrades.at(-1)
      if (upgrade) upgrade.ready ??= this.#now() - upgrade.at
    }
    this.#count(counts)
    this.samples.push({ at: this.#now(), latency, pid })
  }

  failed(): void {
    this.#count(this.#failures)
  }

  /** The signal is sent now. */
  upgrade(): void {
    this.upgrades.push({ at: this.#now(), ready: undefined })
  }

  get slices(): Slice[] {
    return [...this.#generations.values()].flatMap((counts, generation) =>
      [...counts].map(([n, responses]) => ({ generation, at: n * bucket, responses })),
    )
  }

  /** When requests failed: the begins of buckets, in ms. */
  get failures(): { readonly at: number; readonly failed: number }[] {
    return [...this.#failures].map(([n, failed]) => ({ at: n * bucket, failed }))
  }

  /** Of the last bucket in which something happened, in ms. */
  get end(): number {
    const buckets = [...this.#generations.values(), this.#failures].flatMap((one) => [
      ...one.keys(),
    ])
    return (Math.max(0, ...buckets) + 1) * bucket
  }

  get latencies(): Latencies {
    return latenciesOf(this.samples)
  }

  /** Of the time before each upgrade. */
  get steady(): Latencies {
    return latenciesOf(this.#within((at) => [at - windowOf, at]))
  }

  /** Of the time from each signal on. */
  get overUpgrades(): Latencies {
    return latenciesOf(this.#within((at) => [at, at + windowOf]))
  }

  #within(window: (at: number) => readonly [from: number, to: number]): Sample[] {
    const windows = this.upgrades.map(({ at }) => window(at))
    return this.samples.filter(({ at }) => windows.some(([from, to]) => at >= from && at < to))
  }

  #now(): number {
    return performance.now() - this.#started
  }

  #count(counts: Map<number, number>): void {
    const n = Math.floor(this.#now() / bucket)
    counts.set(n, (counts.get(n) ?? 0) + 1)
  }
}

function latenciesOf(samples: readonly Sample[]): Latencies {
  const sorted = samples.map(({ latency }) => latency).sort((a, b) => a - b)
  const at = (part: number): number => (sorted.length === 0 ? 0 : quantileSorted(sorted, part))
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: sorted.at(-1) ?? 0 }
}
