/** How many lines go into an error. */
const lastLines = 20

/** What a successor wrote to stderr last: mostly why it died. */
export class LastWords {
  #lines: string[] = ['']

  hear(text: string): void {
    const [first = '', ...rest] = text.split('\n')
    this.#lines.push((this.#lines.pop() ?? '') + first, ...rest)
    this.#lines = this.#lines.slice(-lastLines - 1)
  }

  /** As the end of an error message; nothing where it wrote nothing. */
  toString(): string {
    const lines = this.#lines.filter((line) => line.trim() !== '')
    return lines.length === 0
      ? ''
      : `; its last stderr lines:\n${lines.map((line) => `  | ${line}`).join('\n')}`
  }
}
