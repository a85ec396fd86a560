import type { Said } from '../handover/index.js'

/** How much a backlog keeps, in characters of JSON: of a generation that is stopped, and never says that it heard. */
const most = 64 * 1024 * 1024

/** What was said to another generation, until that says that it was heard. */
export class Backlog {
  /** How many are not kept any more. */
  #dropped = 0
  #kept: Said[] = []
  #size = 0
  #isLost = false

  /** There was too much: it is not complete, and never will be. */
  get isLost(): boolean {
    return this.#isLost
  }

  /** How much is kept. */
  get size(): number {
    return this.#size
  }

  add(said: Said): void {
    this.#kept.push(said)
    this.#size += said.text.length
    if (this.#size <= most) return
    this.#isLost = true
    this.#kept = []
    this.#size = 0
  }

  /** So many were heard, of all that were said. */
  acknowledge(count: number): void {
    const heard = this.#kept.splice(0, Math.max(0, count - this.#dropped))
    this.#dropped += heard.length
    for (const { text } of heard) this.#size -= text.length
  }

  /** What was said after so many. */
  since(count: number): readonly Said[] {
    return this.#kept.slice(Math.max(0, count - this.#dropped))
  }
}
