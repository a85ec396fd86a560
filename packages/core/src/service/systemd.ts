import type { Status } from '../api.js'
import { messageOf } from '../errors.js'
import type { Generation } from '../generation/index.js'
import { type Notice, Notifier, notifyEnvironment, speaksForUnit } from '../node/index.js'

/** How often to look whether there is something new to say, in ms. */
const lookEvery = 1_000
/** As long as something goes on that systemd limits, it is asked each so often for so much more, in ms. */
const extendEvery = 10_000
const extendBy = 30_000

/**
 * systemd, where it runs this service, which has no supervisor, and waits for its word (`Type=notify`). Its
 * main process is the one that serves: it moves on when a successor has passed its probation, and by the word
 * of the old one, which does not exit before systemd has heard it. Whoever dies before that dies in vain.
 */
export class Systemd {
  readonly #generation: Generation
  readonly #notifier: Notifier
  readonly #status: () => Status
  readonly #timers: NodeJS.Timeout[]
  #serves = false
  #isLimited = true
  #failure = ''
  #said = ''
  #extendedAt = Number.NEGATIVE_INFINITY
  /** To whom we have handed over. */
  #successor: number | undefined

  /** Undefined where systemd does not wait for us. */
  static find(
    generation: Generation,
    status: () => Status,
    env: NodeJS.ProcessEnv = process.env,
  ): Systemd | undefined {
    const { predecessor, supervisor } = generation
    // What the environment names is the first generation: those after it have its environment.
    const found = notifyEnvironment(env, predecessor ? Number(env.WATCHDOG_PID) : process.pid)
    if (!found || supervisor) return undefined
    if (!predecessor && !speaksForUnit(env)) return undefined
    const notifier = new Notifier(found.socket, env.PATH ?? '', (message) =>
      generation.warn(message),
    )
    return new Systemd(generation, notifier, status, found.watchdog)
  }

  private constructor(
    generation: Generation,
    notifier: Notifier,
    status: () => Status,
    watchdog: number | undefined,
  ) {
    this.#generation = generation
    this.#notifier = notifier
    this.#status = status
    this.#timers = [setInterval(() => this.#look(), lookEvery).unref()]
    // That it comes by is the sign of life.
    if (watchdog !== undefined)
      this.#timers.push(
        setInterval(() => this.#serves && notifier.tell({ WATCHDOG: 1 }), watchdog / 2).unref(),
      )
    if (!generation.predecessor) this.#tell(this.#extension())
  }

  /** It serves. Of a successor, it is the one before who says so, once it has passed its probation. */
  ready(): void {
    this.#serves = true
    this.#isLimited = false
    this.#tell({ ...(!this.#generation.predecessor && { READY: 1 }), WATCHDOG: 1 })
  }

  upgrades(): void {
    this.#isLimited = true
    const now = process.hrtime.bigint() / 1_000n
    this.#tell({ RELOADING: 1, MONOTONIC_USEC: String(now), ...this.#extension() })
  }

  /** This generation serves on. */
  upgradeFailed(error: unknown): void {
    this.#serves = true
    this.#isLimited = false
    this.#successor = undefined
    this.#failure = `; the last upgrade failed: ${messageOf(error)}`
    this.#tell({ READY: 1, WATCHDOG: 1 })
  }

  /** @param outcome of the probation */
  handedOver(successor: number, outcome: Promise<void>): void {
    this.#serves = false
    this.#successor = successor
    outcome.then(
      () => this.#moveOn(),
      (error: unknown) => this.#generation.state === 'ready' && this.upgradeFailed(error),
    )
  }

  /** For good. */
  stops(): void {
    this.#isLimited = true
    this.#tell({ STOPPING: 1, ...this.#extension() })
  }

  /** The last word before the exit, which systemd has heard when this settles. */
  async leave(): Promise<void> {
    this.uninstall()
    this.#moveOn()
    await this.#notifier.settled()
  }

  uninstall(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  /** systemd takes the end of its main process for the end of the service. */
  #moveOn(): void {
    if (this.#successor === undefined) return
    this.#isLimited = false
    this.#notifier.tell({ MAINPID: this.#successor, READY: 1 })
    this.#successor = undefined
  }

  #tell(notice: Notice): void {
    this.#said = this.#summary()
    this.#notifier.tell({ ...notice, STATUS: this.#said })
  }

  #look(): void {
    const { state } = this.#generation
    const speaks = this.#serves || !this.#generation.predecessor || state === 'draining'
    if (!speaks || this.#generation.state === 'exited') return
    const isLong = performance.now() - this.#extendedAt >= extendEvery
    const extension = this.#isLimited && isLong ? this.#extension() : {}
    // Once there is a successor, how it is is for that one to say.
    if (!this.#serves && state === 'draining' && this.#status().drain?.reason === 'upgraded') {
      if ('EXTEND_TIMEOUT_USEC' in extension) this.#notifier.tell(extension)
    } else if (this.#summary() !== this.#said || 'EXTEND_TIMEOUT_USEC' in extension)
      this.#tell(extension)
  }

  #extension(): Notice {
    this.#extendedAt = performance.now()
    return { EXTEND_TIMEOUT_USEC: extendBy * 1_000 }
  }

  #summary(): string {
    const { state, generation, draining, requests, connections } = this.#status()
    const inFlight = `${connections.total} connections, ${requests.length} requests in flight`
    if (state === 'draining' || state === 'exited') return `Stopping: ${inFlight}`
    const word = state === 'starting' ? 'Starting' : state === 'upgrading' ? 'Reloading' : 'Serving'
    const held = draining.map(
      ({ pid, drain }) =>
        `pid ${pid}${drain?.holds.length ? ` held by ${drain.holds.join(', ')}` : ''}`,
    )
    const drains = held.length > 0 ? `; draining: ${held.join(', ')}` : ''
    return `${word}: generation ${generation}, pid ${process.pid}${drains}${this.#failure}`
  }
}
