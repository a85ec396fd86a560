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
  #armed = false
  #check: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(listeners: Listeners, ready: () => void) {
    this.#listeners = listeners
    this.#ready = ready
  }

  arm(): void {
    this.#armed = true
  }

  /** Something was bound. */
  consider(): void {
    if (!this.#armed) return
    this.cancel()
    // One turn later: an app that listens twice in a row is ready once.
    this.#check = setImmediate(() => this.#decide())
  }

  cancel(): void {
    clearImmediate(this.#check)
    clearTimeout(this.#timer)
  }

  #decide(): void {
    if (this.#listeners.pending || this.#listeners.all.length === 0) return
    if (this.#listeners.inheritance.unclaimed.length === 0) return this.#ready()
    this.#timer = setTimeout(this.#ready, claimPatience)
  }
}
