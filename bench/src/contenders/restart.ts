import getPort from 'get-port'
import { Child } from '../child.js'
import type { Upgradable } from './upgradable.js'

/** TERM, `server.close()`, exit; then it is started again, as systemd's `Restart=` does. */
export class Restart implements Upgradable {
  #port = 0
  #child: Child | undefined
  #disposed = false

  async start(): Promise<number> {
    this.#port = await getPort({ host: '127.0.0.1' })
    await this.#spawn()
    return this.#port
  }

  async upgrade(): Promise<void> {
    await this.stop()
    await this.#spawn()
  }

  async stop(): Promise<void> {
    await this.#child?.end('SIGTERM')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    await this.#child?.[Symbol.asyncDispose]()
  }

  async #spawn(): Promise<void> {
    if (this.#disposed) throw new Error('it has ended')
    this.#child = new Child('closing.js', [], { PORT: String(this.#port) })
    await this.#child.message()
  }
}
