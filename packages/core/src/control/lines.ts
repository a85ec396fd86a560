const newline = 0x0a

/** Cuts what comes over a socket into lines. It keeps no more than one of them. */
export class Lines {
  readonly #limit: number
  #parts: Buffer[] = []
  #length = 0

  /** @param limit how many bytes a line may have */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** @returns the lines that are complete now; undefined stands for one that is longer than allowed */
  push(chunk: Buffer): (string | undefined)[] {
    const lines: (string | undefined)[] = []
    let from = 0
    for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
      this.#keep(chunk.subarray(from, at))
      lines.push(this.#take())
      from = at + 1
    }
    this.#keep(chunk.subarray(from))
    return lines
  }

  #keep(part: Buffer): void {
    this.#length += part.length
    if (this.#length > this.#limit) this.#parts = []
    else if (part.length > 0) this.#parts.push(part)
  }

  #take(): string | undefined {
    const isWhole = this.#length <= this.#limit
    // Together first: a character may have come in two pieces.
    const line = Buffer.concat(this.#parts).toString()
    this.#parts = []
    this.#length = 0
    return isWhole ? line : undefined
  }
}
