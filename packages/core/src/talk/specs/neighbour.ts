import type { Predecessor, Successor, Word } from '../../handover/index.js'

/** The other end of a line, in the hands of a test. */
export class Neighbour {
  readonly pid: number
  readonly said: Word[] = []
  readonly gone: Promise<void>
  leave: () => void = () => {}
  #hear: (word: Word) => void = () => {}

  constructor(pid = 4_711) {
    this.pid = pid
    this.gone = new Promise((resolve) => {
      this.leave = resolve
    })
  }

  get predecessor(): Predecessor {
    return { ...this.#wire, handover: { predecessor: this.pid } } as unknown as Predecessor
  }

  get successor(): Successor {
    return { ...this.#wire, exited: this.gone } as unknown as Successor
  }

  /** All of them are read in one turn. */
  says(...words: readonly Word[]): void {
    for (const word of words) this.#hear(word)
  }

  /** The texts of the messages that it was told. */
  get texts(): string[] {
    return this.said.flatMap((word) => (word.endless === 'said' ? [word.text] : []))
  }

  get #wire(): object {
    return {
      pid: this.pid,
      gone: this.gone,
      say: (word: Word, sent?: () => void) => {
        this.said.push(word)
        sent?.()
      },
      onWord: (hear: (word: Word) => void) => {
        this.#hear = hear
      },
    }
  }
}
