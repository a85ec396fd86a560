import { Child } from './child.js'

/** How late a timer was, in ms; `at` by the clock of all processes. */
interface Lateness {
  readonly at: number
  readonly late: number
}

/** A process that does nothing, beside those that do: what it misses is the machine's doing. */
export class Idle implements AsyncDisposable {
  readonly #child = new Child('idle.js')

  /** All of it, since the start. */
  look(): Promise<Lateness[]> {
    return this.#child.ask<Lateness[]>('look')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]()
  }
}
