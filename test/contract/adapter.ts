import { fixture, Service, type StartOptions } from '../support/service.js'

/** What the contract is run for. */
export interface Adapter {
  readonly name: string
  /** Which fixtures/frameworks/*.js, and which version of the framework. */
  readonly env: Readonly<Record<string, string>>
  /** Whether it can be an HTTP/2 server. */
  readonly http2?: boolean
  /** Whether its `listen` rejects: then it is the app that ends over a failed start. */
  readonly listenRejects?: boolean
}

/** Starts the adapter's app; `script` is one of fixtures/*.js. */
export type Start = (options?: Partial<StartOptions>) => Promise<Service>

export function starter(adapter: Adapter, script = 'server.js'): Start {
  return ({ env, ...options } = {}) =>
    Service.start({ script: fixture(script), ...options, env: { ...adapter.env, ...env } })
}
