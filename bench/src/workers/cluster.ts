import getPort from 'get-port'
import { service } from '../child.js'
import type { App, Fleet } from './fleet.js'
import { Head } from './head.js'

/** As `NODE_CLUSTER_SCHED_POLICY` has it: who accepts, the primary or the workers themselves. */
export type Policy = 'rr' | 'none'

/** node:cluster with two workers, and HUP to its primary. */
export class ClusterFleet implements Fleet {
  readonly #app: App
  readonly #policy: Policy
  #primary: Head | undefined

  constructor(app: App, policy: Policy) {
    this.#app = app
    this.#policy = policy
  }

  get head(): number | undefined {
    return this.#primary?.pid
  }

  get workers(): readonly number[] {
    return this.#primary?.workers ?? []
  }

  async start(): Promise<number> {
    const port = await getPort({ host: '127.0.0.1' })
    const line = ['primary.js', 'app.js'].map((name) => service(`workers/${name}`))
    const env = { PORT: String(port), NODE_CLUSTER_SCHED_POLICY: this.#policy }
    this.#primary = new Head([...line, this.#app], env)
    await this.#primary.until('2 workers listen')
    return port
  }

  async upgrade(): Promise<void> {
    this.#primary?.signal('SIGHUP')
  }

  async stop(): Promise<void> {
    await this.#primary?.end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#primary?.[Symbol.asyncDispose]()
  }
}
