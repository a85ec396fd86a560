import { type ChildProcess, spawn } from 'node:child_process'
import { childrenOf, kill } from './proc.js'

const killTimeout = 10_000

/** The process over the workers, which speaks by what it prints. */
export class Head implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #exited: Promise<void>
  readonly #lastResort = (): void => this.#killAll()
  #printed = ''
  #look: () => void = () => {}

  /** @param line of `node` */
  constructor(line: readonly string[], env: Readonly<Record<string, string>>) {
    process.once('exit', this.#lastResort)
    this.#child = spawn(process.execPath, line, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#exited = new Promise((done) => {
      this.#child.once('exit', () => done())
      this.#child.once('error', () => done())
    })
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#printed += text
        this.#look()
      })
  }

  get pid(): number {
    const { pid } = this.#child
    if (pid === undefined) throw new Error(`it could not be started\n${this.#printed}`)
    return pid
  }

  get workers(): number[] {
    return childrenOf(this.pid)
  }

  /** Settles when that is printed. */
  async until(text: string): Promise<void> {
    const printed = new Promise<void>((done) => {
      this.#look = () => this.#printed.includes(text) && done()
    })
    const ended = this.#exited.then(() => {
      throw new Error(`it has ended before it said "${text}"\n${this.#printed}`)
    })
    this.#look()
    await Promise.race([printed, ended])
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** In order; settles when it is gone. */
  async end(): Promise<void> {
    const late = setTimeout(this.#lastResort, killTimeout)
    this.#child.kill('SIGTERM')
    await this.#exited
    clearTimeout(late)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#killAll()
    await this.#exited
    process.off('exit', this.#lastResort)
  }

  /** It first: a supervisor starts workers that die again. */
  #killAll(): void {
    const { pid, exitCode, signalCode } = this.#child
    if (pid === undefined || exitCode !== null || signalCode !== null) return
    const workers = childrenOf(pid)
    this.#child.kill('SIGKILL')
    kill(workers)
  }
}
