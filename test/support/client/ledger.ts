import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { Failure, Report } from './types.js'

const SAMPLES = 20

interface Waiter {
  until: number
  resolve: () => void
  reject: (error: Error) => void
}

/** The books of one load. */
export class Ledger {
  readonly started: number = performance.now()
  readonly #failures: Record<Failure, number> = {
    refused: 0,
    reset: 0,
    cut: 0,
    status: 0,
    timeout: 0,
    wrong: 0,
  }
  readonly #samples: string[] = []
  readonly #latencies: RecordableHistogram = createHistogram()
  #sent = 0
  #ok = 0
  #replies = 0
  #connections = 0
  #reconnects = 0
  #closedIdle = 0
  #waiters: Waiter[] = []
  #closed = false

  /** Returns the number of the request that starts. */
  start(): number {
    this.#sent += 1
    return this.#sent
  }

  /** Returns the number of the connection. */
  opened(again: boolean): number {
    this.#connections += 1
    if (again) this.#reconnects += 1
    return this.#connections
  }

  closedIdle(): void {
    this.#closedIdle += 1
  }

  /** A complete response, ok or not. */
  reply(latency: number): void {
    this.#replies += 1
    this.#latencies.record(Math.max(1, Math.round(latency * 1000)))
    if (this.#waiters.length > 0) this.#wake()
  }

  ok(): void {
    this.#ok += 1
  }

  fail(kind: Failure, sample: string): void {
    this.#failures[kind] += 1
    if (this.#samples.length < SAMPLES) this.#samples.push(sample)
  }

  /** What was ok has turned out not to be. */
  revoke(kind: Failure, sample: string): void {
    this.#ok -= 1
    this.fail(kind, sample)
  }

  progress(count: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (count <= 0) resolve()
      else if (this.#closed) reject(stopped())
      else this.#waiters.push({ until: this.#replies + count, resolve, reject })
    })
  }

  close(): void {
    this.#closed = true
    for (const waiter of this.#waiters.splice(0)) waiter.reject(stopped())
  }

  report(): Report {
    const failures = { ...this.#failures }
    return {
      sent: this.#sent,
      ok: this.#ok,
      failures,
      failed: Object.values(failures).reduce((sum, count) => sum + count, 0),
      samples: [...this.#samples],
      connections: this.#connections,
      reconnects: this.#reconnects,
      closedIdle: this.#closedIdle,
      latencies: this.#percentiles(),
    }
  }

  #wake(): void {
    const due = this.#waiters.filter((waiter) => waiter.until <= this.#replies)
    if (due.length === 0) return
    this.#waiters = this.#waiters.filter((waiter) => waiter.until > this.#replies)
    for (const waiter of due) waiter.resolve()
  }

  #percentiles(): Report['latencies'] {
    const histogram = this.#latencies
    if (histogram.count === 0) return { p50: 0, p99: 0, p999: 0, max: 0 }
    const at = (percentile: number) => histogram.percentile(percentile) / 1000
    return { p50: at(50), p99: at(99), p999: at(99.9), max: histogram.max / 1000 }
  }
}

function stopped(): Error {
  return new Error('the load has stopped')
}
