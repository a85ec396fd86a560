import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

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

/** What the clients have seen, and when. */
export class Timeline {
  readonly upgrades: Upgrade[] = []
  readonly #started = performance.now()
  /** Responses by bucket, by pid, in the order of their first response. */
  readonly #generations = new Map<string, Map<number, number>>()
  readonly #failures = new Map<number, number>()
  readonly #latencies: RecordableHistogram = createHistogram()

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
    this.#latencies.record(Math.max(1, Math.round(latency * 1000)))
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
    const histogram = this.#latencies
    if (histogram.count === 0) return { p50: 0, p99: 0, p999: 0, max: 0 }
    const at = (percentile: number): number => histogram.percentile(percentile) / 1000
    return { p50: at(50), p99: at(99), p999: at(99.9), max: histogram.max / 1000 }
  }

  #now(): number {
    return performance.now() - this.#started
  }

  #count(counts: Map<number, number>): void {
    const n = Math.floor(this.#now() / bucket)
    counts.set(n, (counts.get(n) ?? 0) + 1)
  }
}
