import { type EventEmitter, errorMonitor } from 'node:events'
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
  /** Servers that were told to listen: the name of a host may have to be looked up first. */
  readonly #coming = new Set<EventEmitter>()
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

  /** A server was told to listen, and comes to that, or to nothing. */
  await(server: EventEmitter): void {
    if (this.#coming.has(server)) return
    const come = (): void => {
      server.off('listening', come).off('close', come).off(errorMonitor, come)
      this.#coming.delete(server)
      this.consider()
    }
    this.#coming.add(server)
    server.on('listening', come).on('close', come).on(errorMonitor, come)
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
    if (this.#coming.size > 0 || this.#listeners.pending) return
    if (this.#listeners.all.length === 0) return
    if (this.#listeners.inheritance.unclaimed.length === 0) return this.#ready()
    this.#timer = setTimeout(this.#ready, claimPatience)
  }
}
