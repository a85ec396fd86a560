/** How often within a turn, in ms: a look costs some microseconds. */
const every = 4

/**
 * A process that is saturated reads its channels once per turn of its event loop, and a turn lasts for as long
 * as it takes to answer everybody who has asked. A connection on its way would wait for several of them,
 * so the ends of a crossing look in between, from what is called with each request anyway.
 */
export class InTurn {
  #last = Number.NEGATIVE_INFINITY

  /** Whether it is time to look again. */
  get isDue(): boolean {
    const now = performance.now()
    if (now - this.#last < every) return false
    this.#last = now
    return true
  }
}
