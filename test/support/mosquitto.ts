import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** A client of the package mosquitto-clients, which nobody here wrote, and all that it prints. */
export class Mosquitto implements AsyncDisposable {
  readonly child: ChildProcess
  readonly lines: string[] = []
  readonly #told: Set<() => void> = new Set()
  readonly #exited: Promise<unknown>

  /** @param args beside the port; `-d`: it says what it sends and gets */
  constructor(path: string, port: number, args: readonly string[]) {
    // Line by line: into a pipe it would print when its buffer is full.
    const command = ['-oL', path, '-h', '127.0.0.1', '-p', String(port), '-d', ...args]
    this.child = spawn('stdbuf', command, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#exited = once(this.child, 'close')
    let text = ''
    this.child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (text + chunk).split('\n')
      text = lines.pop() ?? ''
      this.lines.push(...lines)
      for (const told of this.#told) told()
    })
  }

  /** What it printed that is a number: messages, as they came. */
  get numbers(): number[] {
    return this.lines.filter((line) => /^\d+$/.test(line)).map(Number)
  }

  /** How often it has connected: it comes back by itself, and says so here alone. */
  get connects(): number {
    return this.lines.filter((line) => line.includes('sending CONNECT')).length
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition())
      await new Promise<void>((resolve) => {
        const told = (): void => {
          this.#told.delete(told)
          resolve()
        }
        this.#told.add(told)
      })
  }

  write(line: string): void {
    this.child.stdin?.write(`${line}\n`)
  }

  /** What it was given is said, then it goes. */
  async end(): Promise<void> {
    this.child.stdin?.end()
    await this.#exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL')
    await this.#exited
  }
}
