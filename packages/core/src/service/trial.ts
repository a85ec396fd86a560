import { EndlessError } from '../errors.js'
import type { Successor } from '../handover/index.js'

/** As far as it is looked at. */
type Tried = Pick<Successor, 'pid' | 'toldToStop' | 'release'>

/** What becomes of a successor that serves, as long as it is watched. */
export class Trial {
  /** Settles when it has passed its probation; rejects with why it has not, or will not be known to have. */
  readonly outcome: Promise<void>
  #pass: () => void = () => {}
  #fail: (error: EndlessError) => void = () => {}
  #isOver = false

  constructor(successor: Tried, proved: Promise<void>) {
    this.outcome = new Promise((resolve, reject) => {
      this.#pass = resolve
      this.#fail = reject
    })
    // Mostly nobody asks.
    this.outcome.catch(() => {})
    void proved.then(() => this.#end(() => this.#pass()))
    // Before `release`, of which it is one half.
    void successor.toldToStop.then(() => this.stop(`successor ${successor.pid} was told to stop`))
    // It has handed over in its turn: whoever is watched now is the next one.
    void successor.release.then(() => this.#end(() => this.#pass()))
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** This generation serves again. */
  fail(message: string): void {
    this.#end(() => this.#fail(new EndlessError('ERR_ENDLESS_PROBATION', message)))
  }

  /** Nobody watches any more. */
  stop(why: string): void {
    const message = `${why} before the probation was over: whether the new release would have passed is not known`
    this.#end(() => this.#fail(new EndlessError('ERR_ENDLESS_STOPPED', message)))
  }

  #end(settle: () => void): void {
    this.#isOver = true
    settle()
  }
}
