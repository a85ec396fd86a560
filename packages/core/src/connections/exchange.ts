import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'

/** A request that is being answered. */
export interface Exchange {
  readonly method: string
  readonly url: string
  /** Of HTTP/1. */
  readonly http1?: Http1Exchange
  /** Of HTTP/2. */
  readonly stream?: ServerHttp2Stream
  /** From `performance.now()`, in ms. */
  readonly startedAt: number
}

/** Made for each request: a name is made of it for those alone that somebody asks about. */
export class Http1Exchange implements Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly startedAt: number = performance.now()

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request
    this.response = response
  }

  get http1(): this {
    return this
  }

  get method(): string {
    return this.request.method ?? '?'
  }

  get url(): string {
    return this.request.url ?? '?'
  }
}
