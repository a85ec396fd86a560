import type { Connection } from '../connections/index.js'
import type { Candidates } from './candidates.js'

/** How often connections of the app's own protocol are asked whether they are still, in ms: nothing tells. */
const askEvery = 10
/** One that was busy for so long is never between two messages by itself, in ms. */
const freeFor = 100
/** For how long what its client says next waits in the kernel, in ms, time after time. */
const holds = [500, 1_000, 2_000] as const

/** What an asker may do with connections. */
export interface Asking {
  /** Offers as many as there is room for. @returns whether there was room for all that are still */
  readonly offer: (next: () => Connection | undefined) => boolean
  /** Reads no more from one. */
  readonly hold: (connection: Connection) => void
  readonly release: (connection: Connection) => void
}

/**
 * Asks the connections of which the app says itself when they can go. A client that always has the next message on
 * its way is never still, so what it says is left in the kernel for a while, and what was read of it comes to its
 * end. A process that is saturated takes longer for that; and one that is not done then will not be.
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
    const areAllAsked = this.#asking.offer(() => this.#candidates.nextCarried())
    const now = performance.now()
    // Nobody is held who waits for no more than room.
    if (!areAllAsked) this.#since.clear()
    for (const connection of this.#candidates.waitedFor()) {
      const since = this.#since.get(connection) ?? now
      if (areAllAsked) this.#since.set(connection, since)
      const isHeld = isToBeHeld(now - since) && !this.#candidates.awaitsClient(connection)
      if (isHeld) this.#asking.hold(connection)
      else this.#asking.release(connection)
    }
    if (!this.#candidates.areSomeCarried) this.stop()
  }
}

/** @param waited how long it was asked in vain, in ms */
function isToBeHeld(waited: number): boolean {
  let at = 0
  for (const hold of holds) {
    at += freeFor
    if (waited < at) return false
    at += hold
    if (waited < at) return true
  }
  return false
}
