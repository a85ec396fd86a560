import type { Said, Word } from '../handover/index.js'
import { Backlog } from './backlog.js'

/** For so long a generation that leaves waits until the kernel has what it said, in ms. */
const flushTime = 5_000

/** What a line goes by: the channel of two generations, on which the verdicts go as well. */
export interface Wire {
  readonly pid: number
  /** Settles when all that it has said was read. */
  readonly gone: Promise<unknown>
  say(word: Word, sent?: () => void): void
  onWord(hear: (word: Word) => void): void
}

/** Who hears what comes by a line. */
export interface Ears {
  said(said: Said, line: Line): void
  /** Any other word. */
  word(word: Exclude<Word, { endless: 'said' | 'heard' }>, line: Line): void
  /** The other end does not read: it is spoken to no more. */
  lost(line: Line): void
  gone(line: Line): void
}

/** The messages of channels between this generation and the one before it, or one that came after it. */
export class Line {
  readonly pid: number
  isOpen = true
  /** Of what the other end has said, how many were handled. */
  heard = 0
  readonly #wire: Wire
  readonly #ears: Ears
  readonly #backlog = new Backlog()
  #ack: NodeJS.Immediate | undefined

  constructor(wire: Wire, ears: Ears) {
    this.pid = wire.pid
    this.#wire = wire
    this.#ears = ears
    // In ticks, as an adoption is: what was said before `yours` is handled before it, what comes after it after it.
    wire.onWord((word) => process.nextTick(() => this.#hear(word)))
    void wire.gone.then(() => {
      this.isOpen = false
      clearImmediate(this.#ack)
      ears.gone(this)
    })
  }

  say(said: Said): void {
    if (!this.isOpen || this.#backlog.isLost) return
    this.#backlog.add(said)
    if (this.#backlog.isLost) this.#ears.lost(this)
    else this.#wire.say({ endless: 'said', ...said })
  }

  /** What is said of the talk itself. */
  tell(word: Word): void {
    if (this.isOpen) this.#wire.say(word)
  }

  /** What was said here after so many, and is not known to have been heard. */
  since(count: number): readonly Said[] {
    return this.#backlog.since(count)
  }

  /** Settles when the kernel has all that was said. */
  flushed(): Promise<void> {
    if (!this.isOpen) return Promise.resolve()
    return new Promise((resolve) => {
      const late = setTimeout(resolve, flushTime).unref()
      this.#wire.say({ endless: 'heard', count: this.heard }, () => {
        clearTimeout(late)
        resolve()
      })
    })
  }

  #hear(word: Word): void {
    if (word.endless === 'heard') return this.#backlog.acknowledge(word.count)
    if (word.endless !== 'said') return this.#ears.word(word, this)
    const { endless: _, ...said } = word
    this.#ears.said(said, this)
    // When its handlers are through: what was not yet written to a client that is frozen meanwhile, never will be.
    this.heard++
    // Once for all of this turn.
    this.#ack ??= setImmediate(() => {
      this.#ack = undefined
      this.tell({ endless: 'heard', count: this.heard })
    })
  }
}
