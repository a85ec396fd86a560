import { createServer, type RequestListener, type ServerOptions } from 'node:http'
import type { SecureServerOptions as Http2Options } from 'node:http2'
import type { ServerOptions as SecureServerOptions } from 'node:https'
import type { Server } from 'node:net'
import type { Upgrader } from '../api.js'
import { checkAppOptions, type Protocol, type UpgraderOptions } from '../generation/index.js'
import { upgrader } from './singleton.js'

const { getBuiltinModule: builtin } = process

/** Options of an adapter: those of the process, and those of its server. */
export interface AppOptions extends UpgraderOptions {
  /** Options of `http.createServer`. */
  readonly http?: ServerOptions | undefined
  /** Options of `https.createServer`; makes it a TLS server (endless' `ListenAndServeTLS`). */
  readonly https?: SecureServerOptions | undefined
  /**
   * Options of `http2.createSecureServer`, where the framework speaks HTTP/2; `allowHTTP1` serves
   * both on one port.
   */
  readonly http2?: Http2Options | undefined
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
 * What every adapter over Node's own servers does. Bad options throw here and now.
 *
 * @param protocols which kinds of server the framework can be behind
 */
export function serveApp(
  options: AppOptions = {},
  protocols: readonly Protocol[] = ['http', 'https'],
): ServedApp {
  checkAppOptions(options, protocols)
  const { http, https, http2, upgrader: given, beforeBegin, ...process } = options
  const target = given ?? upgrader()
  target.configure(process)
  const create = (listener: RequestListener): Server => {
    // Loaded where they are asked for: some ms of every start.
    if (http2) return builtin('node:http2').createSecureServer(http2, listener as never)
    if (https) return builtin('node:https').createServer(https, listener)
    return createServer(http ?? {}, listener)
  }
  return {
    upgrader: target,
    createServer(listener) {
      const server = create(listener)
      target.attach(server, { beforeBegin, autoReady: true })
      return server
    },
  }
}
