import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import {
  createServer as createSecureServer,
  type ServerOptions as SecureServerOptions,
} from 'node:https'
import type { Upgrader } from './api.js'
import type { UpgraderOptions } from './options.js'
import { upgrader } from './singleton.js'
import { checkAppOptions } from './validate.js'

/** Options of an adapter: those of the process, and those of its server. */
export interface AppOptions extends UpgraderOptions {
  /** Options of `http.createServer`. */
  readonly http?: ServerOptions | undefined
  /** Options of `https.createServer`; makes it a TLS server (endless' `ListenAndServeTLS`). */
  readonly https?: SecureServerOptions | undefined
  /**
   * What to take part in: several apps, several ports, one upgrade.
   * @default upgrader(), the process's one
   */
  readonly upgrader?: Upgrader | undefined
}

/** An app that takes part in upgrades: what an adapter wraps. */
export interface ServedApp {
  readonly upgrader: Upgrader
  /** A server for the app, ready to `listen`. */
  createServer(listener: RequestListener): Server
}

/**
 * What every adapter over `http.createServer` does. Bad options throw here and now.
 */
export function serveApp(options: AppOptions = {}): ServedApp {
  checkAppOptions(options)
  const { http, https, upgrader: given, beforeBegin, ...process } = options
  const target = given ?? upgrader()
  target.configure(process)
  return {
    upgrader: target,
    createServer(listener) {
      const server = https
        ? createSecureServer(https, listener)
        : createServer(http ?? {}, listener)
      target.attach(server, { beforeBegin, autoReady: true })
      return server
    },
  }
}
