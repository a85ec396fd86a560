import type { Readable, Writable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** A line that has no end for so long is printed as it is. */
const longestLine = 64 * 1024

/** What workers print, each line with its slot, where that is asked for; else they print for themselves. */
export class Mouth {
  /** Whether output comes by here. */
  readonly takes: boolean
  readonly #stdout: Writable
  readonly #stderr: Writable

  constructor(
    takes: boolean,
    stdout: Writable = process.stdout,
    stderr: Writable = process.stderr,
  ) {
    this.takes = takes
    this.#stdout = stdout
    this.#stderr = stderr
    // Whoever reads it may be gone: a service does not end for that.
    for (const one of [stdout, stderr]) one.on('error', () => {}).setMaxListeners(0)
  }

  speakFor(slot: number, stdout: Readable | null, stderr: Readable | null): void {
    if (stdout) this.#pass(slot, stdout, this.#stdout)
    if (stderr) this.#pass(slot, stderr, this.#stderr)
  }

  #pass(slot: number, from: Readable, to: Writable): void {
    const decoder = new StringDecoder('utf8')
    let rest = ''
    const print = (lines: readonly string[]): void => {
      if (lines.length === 0 || !to.writable) return
      const isFull = !to.write(lines.map((line) => `[${slot}] ${line}\n`).join(''))
      // Whoever prints faster than it is read waits, as without us.
      if (isFull && !from.isPaused()) {
        from.pause()
        const goOn = (): void => {
          to.off('drain', goOn)
          to.off('close', goOn)
          from.resume()
        }
        to.on('drain', goOn)
        to.on('close', goOn)
      }
    }
    from.on('data', (chunk: Buffer) => {
      const lines = (rest + decoder.write(chunk)).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > longestLine) lines.push(rest)
      if (rest.length > longestLine) rest = ''
      print(lines)
    })
    from.on('error', () => {})
    from.on('end', () => {
      rest += decoder.end()
      if (rest !== '') print([rest])
    })
  }
}
