import getPort from 'get-port'
import { service } from '../child.js'
import type { App, Fleet } from './fleet.js'
import { Head } from './head.js'

/** `node app.js`: one process, nothing over it, and no way to reload. */
export class Alone implements Fleet {
  readonly #app: App
  readonly head = undefined
  #process: Head | undefined

  constructor(app: App) {
    this.#app = app
  }

  get workers(): readonly number[] {
    return this.#process ? [this.#process.pid] : []
  }

  async start(): Promise<number> {
    const port = await getPort({ host: '127.0.0.1' })
    this.#process = new Head([service('workers/app.js'), this.#app], { PORT: String(port) })
    await this.#process.until('listening')
    return port
  }

  upgrade(): Promise<void> {
    throw new Error('it cannot be reloaded')
  }

  async stop(): Promise<void> {
    await this.#process?.end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]()
  }
}
