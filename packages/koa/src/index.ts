/**
 * `endless(app).listen(8000)`, then `kill -1 <pid>` during deploys.
 * @packageDocumentation
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Http2SecureServer } from 'node:http2'
import {
  type AppOptions,
  asksForHealth,
  type HealthOptions,
  healthOf,
  serveApp,
} from '@endlessjs/core'

export type { AppOptions } from '@endlessjs/core'
export * from '@endlessjs/core/app'

/** What is needed of a Koa app, 2 or 3. */
export interface KoaApp {
  callback(): (request: IncomingMessage, response: ServerResponse) => unknown
}

/** What is needed of a Koa context. */
export interface KoaContext {
  readonly method: string
  readonly path: string
  status: number
  body: unknown
}

/** A Koa app whose `listen` takes part in upgrades; `listen` takes what `net.Server`'s does. */
export interface Listening<S> {
  listen(...args: Parameters<Server['listen']> | readonly unknown[]): S
}

/** The adapter, and its health check. */
export interface Endless {
  /**
   * A Koa app whose `listen` takes part in upgrades: HUP brings up a successor that inherits the
   * listeners, and no request is lost over it. With `http2` it is an HTTP/2 server.
   *
   * @param app a Koa app, 2 or 3
   * @param options of this app and of the process; durations in ms
   * @throws EndlessError `ERR_ENDLESS_OPTION` at once for a bad option
   */
  (app: KoaApp, options: AppOptions & { readonly http2: object }): Listening<Http2SecureServer>
  (app: KoaApp, options?: AppOptions): Listening<Server>
  /** A middleware that answers for load balancers: 503 from a final stop on. */
  readonly health: typeof health
}

function wrap(app: KoaApp, options: AppOptions = {}): Listening<Server & Http2SecureServer> {
  const { createServer, upgrader } = serveApp(options, ['http', 'https', 'http2'])
  return {
    // Koa's own listen: a server for the callback, and that server's listen.
    listen: (...args) => {
      if (upgrader.hasParent) loadWebApi()
      const server = createServer(app.callback()) as Server & Http2SecureServer
      return Reflect.apply(server.listen, server, args) as typeof server
    },
  }
}

/**
 * Koa 3 asks of each body whether it is one of these, and Node loads them when they are first named: 15 ms,
 * for which the first requests of a successor would wait, and which its predecessor has time for.
 */
function loadWebApi(): unknown[] {
  return [Blob, ReadableStream, Response]
}

type Middleware = (context: KoaContext, next: () => Promise<unknown>) => Promise<void>

function health(options: HealthOptions = {}): Middleware {
  return async (context, next) => {
    if (!asksForHealth(options, context.method, context.path)) {
      await next()
      return
    }
    const { code, body } = healthOf(options.upgrader)
    context.status = code
    context.body = body
  }
}

export const endless: Endless = Object.assign(wrap, { health })
