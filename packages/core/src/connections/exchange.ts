import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import { sentHead } from '../node/index.js'

/** RFC 9113, 7: INTERNAL_ERROR. Node's constants would load all of HTTP/2. */
const internalError = 2

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

/** Named when somebody asks: a router may rename it until then. */
export class Http1Exchange implements Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly startedAt: number

  constructor(request: IncomingMessage, response: ServerResponse, startedAt: number) {
    this.request = request
    this.response = response
    this.startedAt = startedAt
  }

  get http1(): this {
    return this
  }

  get method(): string {
    return this.request.method ?? '?'
  }

  /** As the client asked: a router that mounts another one cuts its own part off `url`. */
  get url(): string {
    const { originalUrl, url } = this.request as IncomingMessage & { originalUrl?: string }
    return originalUrl ?? url ?? '?'
  }
}

/** Whether its response has no end of its own: server-sent events. */
export function isEventStream({ http1, stream }: Exchange): boolean {
  if (http1) return /^content-type: *text\/event-stream/im.test(sentHead(http1.response) ?? '')
  return String(stream?.sentHeaders?.['content-type']).startsWith('text/event-stream')
}

/** The code that answers it has thrown, and will not go on. */
export function failExchange(exchange: Exchange | undefined): void {
  const { http1, stream } = exchange ?? {}
  if (http1) {
    const { response } = http1
    if (response.headersSent || response.writableEnded) response.destroy()
    else response.writeHead(500, { connection: 'close', 'content-length': '0' }).end()
  }
  if (stream && !stream.destroyed) {
    if (stream.headersSent) stream.close(internalError)
    else stream.respond({ ':status': 500 }, { endStream: true })
  }
}

/** As the hammer and the status name it. */
export function describe({ method, url, startedAt }: Exchange): string {
  const age = ((performance.now() - startedAt) / 1_000).toFixed(1)
  return `${method} ${url}, ${age} s old`
}
