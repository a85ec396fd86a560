import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import getPort from 'get-port'
import { service } from '../child.js'
import type { Fleet } from '../workers/fleet.js'
import { childrenOf, kill } from '../workers/proc.js'

const name = 'bench'
const patience = 30_000
const pm2 = fileURLToPath(import.meta.resolve('pm2/bin/pm2'))

/** What it runs. */
interface Pm2App {
  readonly script: string
  readonly args: readonly string[]
  readonly instances: number
}

const echo: Pm2App = { script: service('closing.js'), args: [], instances: 1 }

/** `pm2 reload` in cluster mode, instances that say when they are ready. A pm2 of its own. */
export class Pm2 implements Fleet {
  readonly #app: Pm2App
  readonly #home = mkdtempSync(join(tmpdir(), 'endless-bench-pm2-'))
  readonly #lastResort = (): void => this.#killDaemon()
  #port = 0
  #disposed = false
  /** The command under way: each waits for the one before it. */
  #command: Promise<void> = Promise.resolve()

  constructor(app: Pm2App = echo) {
    this.#app = app
  }

  /** The daemon. */
  get head(): number | undefined {
    try {
      return Number(readFileSync(join(this.#home, 'pm2.pid'), 'utf8'))
    } catch {
      // It is gone, or there never was one.
      return undefined
    }
  }

  get workers(): readonly number[] {
    return this.head === undefined ? [] : childrenOf(this.head)
  }

  async start(): Promise<number> {
    process.once('exit', this.#lastResort)
    this.#port = await getPort({ host: '127.0.0.1' })
    const { script, args, instances } = this.#app
    const cluster = ['-i', String(instances), '--wait-ready', '--listen-timeout', '10000']
    // With nothing behind it, pm2 takes `--` for a file that is not there.
    const own = args.length > 0 ? ['--', ...args] : []
    await this.#pm2('start', script, '--name', name, ...cluster, ...own)
    return this.#port
  }

  async upgrade(): Promise<void> {
    await this.#pm2('reload', name)
  }

  async stop(): Promise<void> {
    await this.#pm2('delete', name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pm2('kill').catch(this.#lastResort)
    this.#disposed = true
    process.off('exit', this.#lastResort)
    rmSync(this.#home, { recursive: true, force: true, maxRetries: 3 })
  }

  async #pm2(...args: readonly string[]): Promise<void> {
    this.#command = this.#command.catch(() => {}).then(() => this.#run(args))
    await this.#command
  }

  #run(args: readonly string[]): Promise<void> {
    // A late command would start another daemon.
    if (this.#disposed) throw new Error(`pm2 ${args[0]}: it has ended`)
    const env = {
      ...process.env,
      PM2_HOME: this.#home,
      PORT: String(this.#port),
      // Neither banner nor call home.
      PM2_DISCRETE_MODE: 'true',
      PM2_DISABLE_VERSION_CHECK: 'true',
    }
    return new Promise((done, fail) => {
      execFile(process.execPath, [pm2, ...args], { env, timeout: patience }, (error, out, err) => {
        if (error) fail(new Error(`pm2 ${args[0]}: ${error.message}\n${out}${err}`))
        else done()
      })
    })
  }

  /** Its workers go when it does. */
  #killDaemon(): void {
    const { head = 0 } = this
    if (head > 1) kill([head, ...childrenOf(head)])
  }
}
