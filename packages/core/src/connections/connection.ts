import type { ServerResponse } from 'node:http'
import type { ServerHttp2Session } from 'node:http2'
import type { Server, Socket } from 'node:net'
import { responseOn } from '../node/index.js'
import { type Exchange, Http1Exchange } from './exchange.js'

/** Ended, and perhaps still on the socket: an app that takes all listeners off may take Node's. */
const over = new WeakSet<ServerResponse>()

/** An accepted connection. */
export class Connection {
  readonly socket: Socket
  readonly server: Server
  /** How many requests came on it, those that predecessors answered among them. */
  requests = 0
  /** How many of them predecessors answered. */
  adopted = 0
  /** When the last one came, from `performance.now()`, in ms. */
  startedAt = 0
  /** Where it speaks HTTP/2. */
  session?: ServerHttp2Session
  readonly #listed: Exchange[] = []
  readonly #ended: (exchange: Exchange) => void
  #isClosed = false

  /** @param ended told of each exchange that was listed, when its response is over */
  constructor(server: Server, socket: Socket, ended: (exchange: Exchange) => void) {
    this.server = server
    this.socket = socket
    this.#ended = ended
  }

  /** Requests that are being answered, oldest first: more than one when they are pipelined. */
  get exchanges(): readonly Exchange[] {
    this.listRunning()
    return this.#listed
  }

  /**
   * The one whose turn it is gets its exchange when somebody asks: nearly every request is over before.
   */
  listRunning(): void {
    const response = this.#isClosed ? undefined : responseOn(this.socket)
    if (!response || over.has(response)) return
    if (this.#listed.some(({ http1 }) => http1?.response === response)) return
    this.list(new Http1Exchange(response.req, response, this.startedAt))
  }

  /** From here on it is known until it is over. */
  list(exchange: Exchange): void {
    this.#listed.push(exchange)
    const answer = exchange.http1?.response ?? exchange.stream
    answer?.once('close', () => this.end(exchange))
  }

  end(exchange: Exchange): void {
    const at = this.#listed.indexOf(exchange)
    if (at < 0) return
    this.#listed.splice(at, 1)
    if (exchange.http1) over.add(exchange.http1.response)
    this.#ended(exchange)
  }

  close(): void {
    this.#isClosed = true
    // Pipelined responses that never got their turn do not close with the socket.
    this.#listed.length = 0
  }
}
