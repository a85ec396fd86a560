import { fixture, Service, type StartOptions } from '../support/service.js'
import { Supervised } from '../support/supervised.js'

/** What the contract is run for. */
export interface Adapter {
  readonly name: string
  /** Which fixtures/frameworks/*.js, and which version of the framework. */
  readonly env: Readonly<Record<string, string>>
  /** Whether it can be an HTTP/2 server. */
  readonly http2?: boolean
  /** Whether its `listen` rejects: then it is the app that ends over a failed start. */
  readonly listenRejects?: boolean
  /** Whether it is run by `endless start`. */
  readonly supervised?: boolean
}

/** Starts the adapter's app; `script` is one of fixtures/*.js. */
export type Start = (options?: Partial<StartOptions>) => Promise<Service>

export function starter(adapter: Adapter, script = 'server.js'): Start {
  const { start } = adapter.supervised ? Supervised : Service
  return ({ env, ...options } = {}) =>
    start({ script: fixture(script), ...options, env: { ...adapter.env, ...env } })
}
