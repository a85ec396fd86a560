import type { Server } from 'node:net'
import type { Generation } from '../generation/index.js'

/** What Node's `http.Server`, `https.Server`, and an HTTP/2 one with `allowHTTP1` have, in ms; 0: no limit. */
interface HttpServer extends Server {
  keepAliveTimeout: number
  headersTimeout: number
  requestTimeout: number
}

/** A load balancer that is about to end a connection may send a request still, in ms. */
const margin = 5_000
/** The head of a request that comes at the last moment has this long, in ms. */
const head = 1_000
/** Fastify's own default beside Node's: nobody chose that, and nobody is to be warned of it. */
const fastify = { keepAliveTimeout: 72_000, headersTimeout: 60_000 }

/**
 * For how long servers keep idle connections. A load balancer that keeps them for longer than we do sends a
 * request down one that we are ending just then, and its client gets a 502.
 */
export class IdleTime {
  readonly #generation: Generation
  readonly #warned = new WeakSet<Server>()

  constructor(generation: Generation) {
    this.#generation = generation
  }

  /** Raises what is shorter than the load balancer's time, as soon as the server listens. */
  raise(server: Server): void {
    const { loadBalancerIdleTimeout: theirs } = this.#generation.settings.values
    if (theirs === undefined || !isHttp(server)) return
    server.keepAliveTimeout = raised(server.keepAliveTimeout, theirs + margin)
    // 0 is no limit: what has to outlast it has none either.
    const idle = server.keepAliveTimeout || theirs + margin
    // Of a connection that was opened ahead of need, and never sent a byte.
    server.headersTimeout = raised(server.headersTimeout, idle + head)
    // Node ends by whichever of the two is shorter.
    server.requestTimeout = raised(server.requestTimeout, server.headersTimeout)
  }

  /** Says, once for each server, where a connection without a request ends before an idle one would. */
  look(server: Server): void {
    if (!isHttp(server) || this.#warned.has(server)) return
    const { keepAliveTimeout, headersTimeout, requestTimeout } = server
    const isDefault =
      keepAliveTimeout === fastify.keepAliveTimeout && headersTimeout === fastify.headersTimeout
    const limits = Object.entries({ headersTimeout, requestTimeout })
    const short = limits.filter(([, ms]) => ms > 0 && ms < keepAliveTimeout)
    const [first] = short.sort(([, a], [, b]) => a - b)
    if (!first || isDefault) return
    this.#warned.add(server)
    const [name, ms] = first
    this.#generation.warn(
      `${name} (${ms} ms) undercuts keepAliveTimeout (${keepAliveTimeout} ms): a connection that a load balancer ` +
        `opens ahead of need is ended after ${ms} ms, and what is on its way then gets a 502. Set ` +
        `loadBalancerIdleTimeout, which keeps the two consistent, or a longer ${name}.`,
    )
  }
}

function isHttp(server: Server): server is HttpServer {
  return 'keepAliveTimeout' in server && 'headersTimeout' in server && 'requestTimeout' in server
}

function raised(had: number, least: number): number {
  return had === 0 ? 0 : Math.max(had, least)
}
