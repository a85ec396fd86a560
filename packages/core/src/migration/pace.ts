/** How often there is room for more, in ms. */
const tick = 10
/** How many connections in the first tick; less than one at a time there is not. */
const first = 0.5
/** By how much more in each tick than in the one before, while the successor answers promptly. */
const growth = 1.07
/** An answer that takes longer comes from a process that is busy, and not warm yet, in ms. */
const prompt = 4
/** What a connection costs that has sent nothing for a while: it asks for nothing now, either. */
const costOfIdle = 1 / 16

/**
 * Slow start: connections move as fast as the successor proves warm. A hundred that move at once meet code
 * that nobody has run yet, and each of their first requests waits for all the others. So few go first, and
 * more in each tick for as long as the successor answers offers promptly, which it does within a turn of its
 * event loop. After `longest` all may go: a machine that is saturated never gets prompt.
 */
export class Pace {
  readonly #more: () => void
  readonly #end: number
  readonly #timer: NodeJS.Timeout | undefined
  #rate = first
  #room = 1
  #slowest = 0

  /**
   * @param longest in ms; 0: all at once
   * @param more called when there is room again
   */
  constructor(longest: number, more: () => void) {
    this.#more = more
    this.#end = performance.now() + longest
    if (longest > 0) this.#timer = setInterval(() => this.#tick(), tick).unref()
  }

  /** Whether one may go now. */
  get hasRoom(): boolean {
    return this.#room > 0 || this.#isOver
  }

  /** One goes. */
  take(isIdle: boolean): void {
    this.#room -= isIdle ? costOfIdle : 1
  }

  /** How long the successor took to answer an offer, in ms. */
  answered(ms: number): void {
    this.#slowest = Math.max(this.#slowest, ms)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  get #isOver(): boolean {
    return performance.now() >= this.#end
  }

  #tick(): void {
    if (this.#isOver) this.stop()
    const isPrompt = this.#slowest <= prompt
    this.#rate = isPrompt ? this.#rate * growth : Math.max(first, this.#rate / 2)
    this.#slowest = 0
    // What was not taken is not saved up: a burst is what this is against.
    this.#room = Math.min(this.#room, 0) + this.#rate
    this.#more()
  }
}
