import { EndlessError } from '@endlessjs/core/control'
import picocolors from 'picocolors'

type Colours = ReturnType<typeof picocolors.createColors>

/** What the command says, and how: with colours on a terminal, as lines of JSON where asked. */
export class Output {
  /** Lines of JSON and nothing else on stdout, errors too. */
  json = false
  readonly colours: Colours
  readonly #stdout: NodeJS.WriteStream
  readonly #stderr: NodeJS.WriteStream
  readonly #closed = new AbortController()

  constructor(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream) {
    this.#stdout = stdout
    this.#stderr = stderr
    // By itself it takes CI for a terminal.
    this.colours = picocolors.createColors(
      picocolors.isColorSupported && (this.isTerminal || 'FORCE_COLOR' in process.env),
    )
    // `| head` is gone: a reload goes on, and its exit code is still the truth.
    for (const stream of [stdout, stderr]) stream.on('error', () => this.#closed.abort())
  }

  get isTerminal(): boolean {
    return this.#stdout.isTTY === true
  }

  /** How many lines a terminal shows. */
  get rows(): number {
    return this.#stdout.rows ?? 24
  }

  /** Aborts when nobody reads any more. */
  get closed(): AbortSignal {
    return this.#closed.signal
  }

  write(text: string): void {
    this.#stdout.write(text)
  }

  writeError(text: string): void {
    this.#stderr.write(text)
  }

  line(text: string): void {
    this.write(`${text}\n`)
  }

  /** One line of JSON. */
  data(value: unknown): void {
    this.line(JSON.stringify(value))
  }

  fail(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    const code = error instanceof EndlessError ? error.code : undefined
    if (this.json) return this.data({ error: { code, message } })
    const { red } = picocolors.createColors(
      picocolors.isColorSupported && this.#stderr.isTTY === true,
    )
    const mark = code === undefined ? '' : `[${code}] `
    this.writeError(`${red('endless:')} ${mark}${message}\n`)
  }
}
