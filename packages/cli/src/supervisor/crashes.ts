/** A worker that serves for so long has started well, in ms. */
const stable = 10_000
/** Between the second crash in a row and the restart after it, in ms; doubled by each one more. */
const firstPause = 100
const longestPause = 15_000

/** How often the worker of a slot has died unbidden: at once after it started, or now and then. */
export class Crashes {
  /** In all. */
  count = 0
  #inARow = 0

  /**
   * One more.
   * @param age how old it was, in ms
   */
  add(age: number): void {
    this.count++
    this.#inARow = age < stable ? this.#inARow + 1 : 1
  }

  /** Whether nothing but crashes is to be expected. */
  exceed(mostInARow: number): boolean {
    return this.#inARow > mostInARow
  }

  /** How long to wait before the next start, in ms: after the first crash not at all. */
  get pause(): number {
    if (this.#inARow <= 1) return 0
    return Math.min(longestPause, firstPause * 2 ** (this.#inARow - 2))
  }
}
