import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import getPort from 'get-port'
import { service } from '../child.js'
import type { Upgradable } from './upgradable.js'

const name = 'bench'
const patience = 30_000
const pm2 = fileURLToPath(import.meta.resolve('pm2/bin/pm2'))

/** `pm2 reload` in cluster mode, one instance that says when it is ready. A pm2 of its own. */
export class Pm2 implements Upgradable {
  readonly #home = mkdtempSync(join(tmpdir(), 'endless-bench-pm2-'))
  readonly #lastResort = (): void => this.#killDaemon()
  #port = 0
  #disposed = false
  /** The command under way: each waits for the one before it. */
  #command: Promise<void> = Promise.resolve()

  async start(): Promise<number> {
    process.once('exit', this.#lastResort)
    this.#port = await getPort({ host: '127.0.0.1' })
    const cluster = ['-i', '1', '--wait-ready', '--listen-timeout', '10000']
    await this.#pm2('start', service('closing.js'), '--name', name, ...cluster)
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
    try {
      const pid = Number(readFileSync(join(this.#home, 'pm2.pid'), 'utf8'))
      if (pid > 1) process.kill(pid, 'SIGKILL')
    } catch {
      // It is gone, or there never was one.
    }
  }
}
