/**
 * `endless(app).listen(8000)`, then `kill -1 <pid>` during deploys.
 * @packageDocumentation
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { ListenOptions } from 'node:net'
import {
  type AppOptions as AnyAppOptions,
  asksForHealth,
  type HealthOptions,
  healthOf,
  serveApp,
} from '@endlessjs/core'

export * from '@endlessjs/core/app'

/** Options of an Express app: Express has no HTTP/2. */
export type AppOptions = Omit<AnyAppOptions, 'http2'>

/** What is needed of an Express app, 4 or 5. */
export type ExpressApp = RequestListener

type Callback = (error?: Error) => void

/** Every overload of `app.listen`; returns the server, as `app.listen` does. */
export interface Listen {
  (port: number, hostname: string, backlog: number, callback?: Callback): Server
  (port: number, hostname: string, callback?: Callback): Server
  (port: number, callback?: Callback): Server
  (callback?: Callback): Server
  (path: string, callback?: Callback): Server
  (options: ListenOptions, callback?: Callback): Server
  (handle: object, listeningListener?: Callback): Server
}

/** The adapter, and its health check. */
export interface Endless {
  /**
   * An Express app whose `listen` takes part in upgrades: HUP brings up a successor that inherits
   * the listeners, and no request is lost over it.
   *
   * @param app an Express app, 4 or 5
   * @param options of this app and of the process; durations in ms
   * @throws EndlessError `ERR_ENDLESS_OPTION` at once for a bad option
   */
  (app: ExpressApp, options?: AppOptions): { readonly listen: Listen }
  /** A middleware that answers for load balancers: 503 from a final stop on. */
  readonly health: typeof health
}

function wrap(app: ExpressApp, options: AppOptions = {}): { readonly listen: Listen } {
  const { createServer } = serveApp(options)
  const listen = (...args: unknown[]): Server => {
    const server = createServer(app) as Server
    const callback = args.at(-1)
    if (typeof callback === 'function' && handsErrorsToCallback(app)) {
      // Express 5: the callback hears of the first of 'listening' and 'error', once.
      let called = false
      const once = (...results: unknown[]): void => {
        if (called) return
        called = true
        Reflect.apply(callback, server, results)
      }
      args = [...args.slice(0, -1), once]
      server.once('error', once)
    }
    return Reflect.apply(server.listen, server, args) as Server
  }
  return { listen }
}

/** Express 4 builds its router lazily and leaves listen errors to the server's 'error' event. */
function handsErrorsToCallback(app: ExpressApp): boolean {
  return !('lazyrouter' in app)
}

type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void

function health(options: HealthOptions = {}): Middleware {
  return (request, response, next) => {
    const path = request.url?.split('?', 1)[0] ?? '/'
    if (!asksForHealth(options, request.method ?? 'GET', path)) return next()
    const { code, body } = healthOf(options.upgrader)
    response.writeHead(code, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
  }
}

export const endless: Endless = Object.assign(wrap, { health })
