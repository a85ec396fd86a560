import type { Listeners } from '../listeners/index.js'

/**
 * How long a successor waits for a `listen()` that claims what it inherited, in ms, after the last
 * one that did. An app may listen, connect to a database, and listen again; only a release that
 * drops a port ever waits, and its predecessor serves meanwhile.
 */
const claimPatience = 5_000

/** Makes a process ready once everything that listens is bound, where an adapter asked for it. */
export class AutoReady {
  readonly #listeners: Listeners
  readonly #ready: () => void
  #asked = false
  #byDefault = false
  #isTheirs = false
  #check: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(listeners: Listeners, ready: () => void) {
    this.#listeners = listeners
    this.#ready = ready
  }

  /** Somebody asked for it. */
  arm(): void {
    this.#asked = true
  }

  /** Nobody did, but nobody else will say it. */
  armByDefault(): void {
    this.#byDefault = true
  }

  /** The app says it: it has taken a server without asking for this. */
  leaveToApp(): void {
    this.#isTheirs = true
    if (!this.#isArmed) this.cancel()
  }

  /** Something was bound. */
  consider(): void {
    this.cancel()
    if (!this.#isArmed) return
    // One turn later: an app that listens twice in a row is ready once.
    this.#check = setImmediate(() => this.#decide())
  }

  cancel(): void {
    clearImmediate(this.#check)
    clearTimeout(this.#timer)
  }

  get #isArmed(): boolean {
    return this.#asked || (this.#byDefault && !this.#isTheirs)
  }

  #decide(): void {
    if (this.#listeners.pending || this.#listeners.all.length === 0) return
    if (this.#listeners.inheritance.unclaimed.length === 0) return this.#ready()
    this.#timer = setTimeout(this.#ready, claimPatience)
  }
}
