import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'

const services = join(import.meta.dirname, '../services')
/**
 * What is not gone by then is killed, as a supervisor does. The time is that of pm2, so that both
 * have the same.
 */
const killTimeout = 1_600

/** The path of a service. */
export function service(name: string): string {
  return join(services, name)
}

/** A service of ours that is its own process, and speaks over IPC. */
export class Child implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #name: string
  readonly #exited: Promise<void>
  #stderr = ''

  constructor(
    name: string,
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
    execArgv: readonly string[] = [],
  ) {
    this.#name = [name, ...args].join(' ')
    this.#child = fork(service(name), args, {
      env: { ...process.env, ...env },
      execArgv: [...execArgv],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#exited = new Promise((done) => {
      this.#child.once('close', () => done())
      this.#child.on('error', () => done())
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
  }

  /** Settles with the next message. */
  async message<T>(): Promise<T> {
    const coming = new Promise<T>((done) => {
      this.#child.once('message', (message) => done(message as T))
    })
    const ended = this.#exited.then(() => {
      throw new Error(`${this.#name} has ended\n${this.#stderr}`)
    })
    return Promise.race([coming, ended])
  }

  ask<T>(question: string): Promise<T> {
    const answer = this.message<T>()
    this.#child.send(question)
    return answer
  }

  /** Settles when it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const late = setTimeout(() => this.#child.kill('SIGKILL'), killTimeout)
    this.#child.kill(signal)
    await this.#exited
    clearTimeout(late)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL')
  }
}
