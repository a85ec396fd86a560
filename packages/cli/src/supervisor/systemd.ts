import { messageOf, type Notice, Notifier, notifyEnvironment } from '@endlessjs/core/fleet'
import type { Fleet, Onlooker } from './fleet.js'
import { summaryOf } from './summary.js'
import type { Voice } from './voice.js'

/** How often to look whether there is something new to say, in ms. */
const lookEvery = 1_000
/** As long as something goes on that systemd limits, it is asked each so often for so much more, in ms. */
const extendEvery = 10_000
const extendBy = 30_000
/** Beyond the time in which a worker that hangs is killed, in ms: then it cannot be. */
const grace = 5_000

/** systemd, where it runs this service and wants to hear how that is. */
export class Systemd implements Onlooker {
  /** How long systemd waits for a sign of life, in ms; undefined where it does not. */
  readonly watchdog: number | undefined
  readonly #fleet: Fleet
  readonly #notifier: Notifier
  readonly #hangTimeout: number | undefined
  readonly #timers: NodeJS.Timeout[]
  #isReady = false
  #isReloading = false
  #failure = ''
  #status = ''
  #extendedAt = Number.NEGATIVE_INFINITY

  /** Undefined where systemd does not wait for us. */
  static find(
    fleet: Fleet,
    hangTimeout: number | undefined,
    voice: Voice,
    env: NodeJS.ProcessEnv = process.env,
  ): Systemd | undefined {
    const found = notifyEnvironment(env)
    if (!found) return undefined
    const notifier = new Notifier(found.socket, env.PATH ?? '', (message) =>
      voice.complain(message),
    )
    return new Systemd(fleet, notifier, found.watchdog, hangTimeout)
  }

  private constructor(
    fleet: Fleet,
    notifier: Notifier,
    watchdog: number | undefined,
    hangTimeout: number | undefined,
  ) {
    this.#fleet = fleet
    this.#notifier = notifier
    this.watchdog = watchdog
    this.#hangTimeout = hangTimeout ?? watchdog
    fleet.onlooker = this
    this.#timers = [setInterval(() => this.#look(), lookEvery).unref()]
    if (watchdog !== undefined)
      this.#timers.push(setInterval(() => this.#showLife(), watchdog / 2).unref())
    this.#look()
  }

  /** All serve; signals are handled by then. */
  ready(): void {
    this.#isReady = true
    this.#tell({ READY: 1 })
  }

  /** @param error why it could not start */
  failed(error: unknown): void {
    this.#failure = `; could not start: ${messageOf(error)}`
    this.#look()
  }

  reloads(ended: Promise<void>): void {
    this.#isReloading = true
    const now = process.hrtime.bigint() / 1_000n
    this.#tell({ RELOADING: 1, MONOTONIC_USEC: String(now), ...this.#extension() })
    const over = (failure: string): void => {
      this.#isReloading = false
      this.#failure = failure
      // After a failed one, too: systemd takes the service for reloading until then.
      if (!this.#fleet.isEnding) this.#tell({ READY: 1 })
    }
    ended.then(
      () => over(''),
      (error: unknown) => over(`; the last reload failed: ${messageOf(error)}`),
    )
  }

  ends(): void {
    this.#tell({ STOPPING: 1, ...this.#extension() })
  }

  /** Settles when all was said. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#notifier.settled()
  }

  /** With how it is, and a sign of life. */
  #tell(notice: Notice): void {
    this.#status = this.#summary()
    const life = this.#isAlive ? { WATCHDOG: 1 } : {}
    this.#notifier.tell({ ...notice, ...life, STATUS: this.#status })
  }

  #look(): void {
    const isNew = this.#summary() !== this.#status
    const isLong = performance.now() - this.#extendedAt >= extendEvery
    const extension = this.#isLimited && isLong ? this.#extension() : {}
    if (isNew || 'EXTEND_TIMEOUT_USEC' in extension) this.#tell(extension)
  }

  #showLife(): void {
    if (this.#isAlive) this.#notifier.tell({ WATCHDOG: 1 })
  }

  /** A worker that hangs is killed by us. Where that is of no use, all of it is for systemd to restart. */
  get #isAlive(): boolean {
    if (this.watchdog === undefined || !this.#isReady) return false
    const most = (this.#hangTimeout ?? this.watchdog) + grace
    return this.#fleet.slots.every(
      ({ current }) => current?.state !== 'serving' || current.silence < most,
    )
  }

  get #isLimited(): boolean {
    return !this.#isReady || this.#isReloading || this.#fleet.isEnding
  }

  #extension(): Notice {
    this.#extendedAt = performance.now()
    return { EXTEND_TIMEOUT_USEC: extendBy * 1_000 }
  }

  #summary(): string {
    return `${summaryOf(this.#fleet)}${this.#failure}`
  }
}
