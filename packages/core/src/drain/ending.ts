import { setTimeout as delay } from 'node:timers/promises'
import type { DrainReason, Generation } from '../generation/index.js'
import type { Drained, DrainReport } from '../handover/index.js'
import type { Migration } from '../migration/index.js'
import { type Cut, Drain } from './drain.js'

/**
 * From the first moment of a drain to the exit: the drain, the `onDrain` hooks beside it, the
 * hammer over both, and the probation of a successor. Can be taken back until it is over.
 */
export class Ending {
  #reason: DrainReason
  readonly #generation: Generation
  readonly #migrates: boolean
  readonly #since = performance.now()
  readonly #drain: Drain
  readonly #hooks: Promise<void>
  readonly #timer: NodeJS.Timeout | undefined
  readonly #probation = new AbortController()
  /** Settles when the successor has passed its probation; never where that was cut short. */
  readonly proved: Promise<void>
  readonly #cancelled = new AbortController()
  #cut: Cut | undefined
  #fall: () => void = () => {}
  /** Whoever waits for what this process has to pass on, waits no more. */
  #leave: () => void = () => {}

  /**
   * @param over called once with the exit code, unless it is cancelled before
   * @param migration what moves connections to the successor, where there is one
   */
  constructor(
    generation: Generation,
    reason: DrainReason,
    over: (code: number) => void,
    migration?: Migration,
  ) {
    this.#reason = reason
    this.#generation = generation
    this.#migrates = migration !== undefined
    const { hammerTime, stallTimeout } = generation.settings.values
    this.#announce()
    const gaveUp = (what: string, why: string): void =>
      generation.warn(`Gave up waiting for ${what}: ${why}.`)
    this.#drain = new Drain(generation.connections, stallTimeout, gaveUp, migration)
    if (reason === 'shutdown') this.#shorten()
    this.#hooks = generation.hooks
      .run('onDrain', reason)
      .catch((error) => generation.error('An onDrain hook failed', error))
    if (hammerTime !== false) this.#timer = setTimeout(() => this.hammer(), hammerTime)
    const passed = this.#probationTime()
    this.proved = passed.then((isOver) => (isOver ? undefined : new Promise(() => {})))
    void this.#run(over, passed)
  }

  get reason(): DrainReason {
    return this.#reason
  }

  /** It has handed over, and is told to stop as well: it will not rise again. */
  becomeShutdown(): void {
    this.#reason = 'shutdown'
    this.#leave()
    this.endProbation()
    this.#shorten()
  }

  #shorten(): void {
    const { idleGrace, streamGrace } = this.#generation.settings.values
    this.#drain.shorten(idleGrace, streamGrace)
  }

  /** How long the drain has gone on, in ms. */
  get age(): number {
    return performance.now() - this.#since
  }

  /** What became of the connections so far. */
  get counts(): Drained {
    return this.#drain.counts
  }

  /** What the newest generation is told of it. */
  get report(): DrainReport {
    const { age, hammerIn, counts } = this
    const { size: connections } = this.#generation.connections
    return { connections, holds: this.#drain.holds, age, hammerIn, counts }
  }

  /** How long until the hammer falls, in ms. */
  get hammerIn(): number | false {
    const { hammerTime } = this.#generation.settings.values
    return hammerTime === false ? false : Math.max(0, hammerTime - this.age)
  }

  /** There is nobody to watch any more: the drain alone decides. */
  endProbation(): void {
    this.#probation.abort()
  }

  /** Destroys what still holds the drain, and waits for no hook; a probation goes on. */
  hammer(): void {
    clearTimeout(this.#timer)
    this.#cut ??= this.#drain.hammer()
    const { requests, connections } = this.#cut
    this.#generation.tell('endless:hammer', { requests: [...requests], connections })
    const what = [`${connections} connections`, ...requests].join('; ')
    this.#generation.warn(`[STOP - Hammer Time] Cut ${what}.`, { requests })
    this.#fall()
  }

  /** The generation serves again. */
  cancel(): void {
    this.#cancelled.abort()
    clearTimeout(this.#timer)
    this.#probation.abort()
    this.#drain.cancel()
    this.#generation.tell('endless:drain', { phase: 'cancelled' })
  }

  async #run(over: (code: number) => void, probation: Promise<boolean>): Promise<void> {
    const fell = new Promise<void>((resolve) => {
      this.#fall = resolve
    })
    const left = new Promise<void>((resolve) => {
      this.#leave = resolve
    })
    await Promise.race([Promise.all([this.#drain.ended, this.#hooks]), fell])
    if (this.#cancelled.signal.aborted) return
    // Nothing passes on what the predecessor still sends: on probation it would be cut at the exit.
    this.#generation.takesConnections = false
    clearTimeout(this.#timer)
    this.#report()
    const { talk } = this.#generation
    if (this.reason === 'upgraded') await Promise.race([talk.finished(), fell, left])
    if (this.reason === 'shutdown') await Promise.race([talk.left(), fell])
    if (this.#cancelled.signal.aborted) return
    await probation
    if (!this.#cancelled.signal.aborted) over(this.#cut?.unfinished ? 1 : 0)
  }

  /** Settles when the successor has been watched for long enough, or with false when it need not be. */
  #probationTime(): Promise<boolean> {
    const ms = this.reason === 'upgraded' ? this.#generation.settings.values.probation : 0
    const { signal } = this.#probation
    return delay(ms, true, { signal }).catch(() => false)
  }

  #report(): void {
    const { age: ms, counts } = this
    const { told } = this.#generation
    this.#generation.tell('endless:drain', { phase: 'end', ms, ...counts, told })
    if (this.#cut) return
    const { moved, drained } = counts
    const what = this.#migrates
      ? `${moved} connections moved to the successor, ${drained} ended here`
      : `${drained} connections ended`
    const back = told > 0 ? `, ${told} WebSockets told to come back` : ''
    this.#generation.info(`Drained in ${ms.toFixed(0)} ms: ${what}${back}.`, { moved, drained })
  }

  #announce(): void {
    const { size: connections, inFlight: requests } = this.#generation.connections
    const { reason } = this
    this.#generation.tell('endless:drain', { phase: 'start', reason, connections, requests })
    this.#generation.info(
      `Waiting for connections to finish: ${connections} open, ${requests} requests in flight.`,
    )
  }
}
