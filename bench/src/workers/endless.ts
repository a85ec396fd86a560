import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import getPort from 'get-port'
import { service } from '../child.js'
import type { App, Fleet } from './fleet.js'
import { Head } from './head.js'

const cli = dirname(fileURLToPath(import.meta.resolve('@endlessjs/cli/package.json')))
const command = join(cli, 'bin/endless.js')
const patience = 30_000
const run = promisify(execFile)

/** `endless start -w 2`, and `endless reload`. */
export class EndlessFleet implements Fleet {
  readonly #app: App
  // Of mode 0700, as a control socket wants it.
  readonly #directory = mkdtempSync(join(tmpdir(), 'endless-bench-'))
  readonly #control = ['--control', join(this.#directory, 'control.sock')]
  #supervisor: Head | undefined

  constructor(app: App) {
    this.#app = app
  }

  get head(): number | undefined {
    return this.#supervisor?.pid
  }

  get workers(): readonly number[] {
    return this.#supervisor?.workers ?? []
  }

  async start(): Promise<number> {
    const port = await getPort({ host: '127.0.0.1' })
    const options = ['-w', '2', '--probation', '1000', ...this.#control]
    const line = [command, 'start', ...options, service('workers/app.js'), this.#app]
    this.#supervisor = new Head(line, { PORT: String(port) })
    await this.#supervisor.until('serves: 2 workers')
    return port
  }

  async upgrade(): Promise<void> {
    await run(process.execPath, [command, 'reload', ...this.#control], { timeout: patience })
  }

  async stop(): Promise<void> {
    await this.#supervisor?.end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#supervisor?.[Symbol.asyncDispose]()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
