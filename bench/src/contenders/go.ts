import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import getPort from 'get-port'
import { service } from '../child.js'
import type { Upgradable } from './upgradable.js'

const sources = service('go')
const programs = join(import.meta.dirname, '../go')
/** A first build compiles Go's own library, too. */
const timeout = 300_000

const run = promisify(execFile)
let built: Promise<string | undefined> | undefined

/**
 * Builds the services, once.
 * @returns why they cannot be had on this machine, if so
 * @throws when all is there, and they do not compile
 */
export function goIsMissing(): Promise<string | undefined> {
  built ??= build()
  return built
}

async function build(): Promise<string | undefined> {
  const go = (...args: readonly string[]): Promise<unknown> =>
    run('go', [...args], { cwd: sources, timeout })
  try {
    await go('mod', 'download')
  } catch (error) {
    const { code, stderr, message } = error as Error & { code?: unknown; stderr?: string }
    if (code === 'ENOENT') return 'there is no `go` on PATH'
    const lines = (stderr || message).split('\n')
    return `its modules could not be fetched: ${lines.find((line) => !/^go: downloading/.test(line))}`
  }
  await go('build', '-o', `${programs}/`, './...')
  return undefined
}

/** HUP to a service in Go; each of its processes says when it serves. */
export class Go implements Upgradable {
  readonly #program: string
  readonly #lastResort = (): void => this.#kill()
  #child: ChildProcess | undefined
  /** Settles when none of its processes is left: they share one stdout. */
  #ended: Promise<void> = Promise.resolve()
  #isEnded = true
  #current = 0
  #stderr = ''
  #onReady: () => void = () => {}

  constructor(program: 'endless' | 'tableflip') {
    this.#program = program
  }

  async start(): Promise<number> {
    const port = await getPort({ host: '127.0.0.1' })
    process.once('exit', this.#lastResort)
    const ready = this.#nextReady()
    const child = spawn(join(programs, this.#program), {
      // A group of its own: a successor is no child of ours.
      detached: true,
      env: { ...process.env, PORT: String(port) },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    this.#isEnded = false
    this.#ended = new Promise((done) => {
      const end = (): void => {
        this.#isEnded = true
        done()
      }
      child.once('close', end).once('error', end)
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#current = Number(line.replace('ready ', ''))
      this.#onReady()
    })
    await this.#orEnd(ready)
    return port
  }

  async upgrade(): Promise<void> {
    const ready = this.#nextReady()
    process.kill(this.#current, 'SIGHUP')
    await this.#orEnd(ready)
  }

  async stop(): Promise<void> {
    if (!this.#isEnded) process.kill(this.#current, 'SIGTERM')
    await this.#ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#kill()
    await this.#ended
    process.off('exit', this.#lastResort)
  }

  #nextReady(): Promise<void> {
    return new Promise((done) => {
      this.#onReady = done
    })
  }

  async #orEnd(ready: Promise<void>): Promise<void> {
    const ended = this.#ended.then(() => {
      throw new Error(`${this.#program} in Go has ended\n${this.#stderr}`)
    })
    await Promise.race([ready, ended])
  }

  #kill(): void {
    const pid = this.#child?.pid
    if (pid === undefined || this.#isEnded) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // The last of the group has gone meanwhile.
    }
  }
}
