import type { Connection } from '../connections/index.js'
import type { Candidates } from './candidates.js'

/** How often connections of the app's own protocol are asked whether they are still, in ms: nothing tells. */
const askEvery = 10
/** One that was busy for so long is never between two messages by itself, in ms. */
const holdAfter = 100
/** For so long what its client says next waits in the kernel, in ms. */
const holdFor = 500

/** What an asker may do with connections. */
export interface Asking {
  /** Offers as many as there is room for. */
  readonly offer: (next: () => Connection | undefined) => void
  /** Reads no more from one. */
  readonly hold: (connection: Connection) => void
  readonly release: (connection: Connection) => void
}

/**
 * Asks the connections of which the app says itself when they can go. A client that always has the next message on
 * its way is never still; so once in its life, and not for long, what it says is left in the kernel, and what was
 * read of it comes to its end.
 */
export class Asker {
  readonly #candidates: Candidates
  readonly #asking: Asking
  /** Since when each was asked in vain. */
  readonly #since = new Map<Connection, number>()
  #timer: NodeJS.Timeout | undefined

  constructor(candidates: Candidates, asking: Asking) {
    this.#candidates = candidates
    this.#asking = asking
  }

  start(): void {
    if (this.#candidates.areSomeCarried)
      this.#timer ??= setInterval(() => this.#ask(), askEvery).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#since.clear()
  }

  #ask(): void {
    this.#asking.offer(() => this.#candidates.nextCarried())
    const now = performance.now()
    for (const connection of this.#candidates.waitedFor()) {
      const since = this.#since.get(connection) ?? now
      this.#since.set(connection, since)
      if (now - since >= holdAfter + holdFor) this.#asking.release(connection)
      else if (now - since >= holdAfter) this.#asking.hold(connection)
    }
    if (!this.#candidates.areSomeCarried) this.stop()
  }
}
