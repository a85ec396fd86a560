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
  /** That of its socket is heard by this. */
  readonly closed: () => void
  readonly #listed: Exchange[] = []
  readonly #ended: (exchange: Exchange) => void
  #isClosed = false
  #idle: (() => void) | undefined

  /**
   * @param ended told of each exchange that was listed, when its response is over
   * @param closed called when its socket is closed
   */
  constructor(
    server: Server,
    socket: Socket,
    ended: (exchange: Exchange) => void,
    closed: () => void = () => {},
  ) {
    this.closed = closed
    this.server = server
    this.socket = socket
    this.#ended = ended
  }

  /** Requests that are being answered, oldest first: more than one when they are pipelined. */
  get exchanges(): readonly Exchange[] {
    this.listRunning()
    return this.#listed
  }

  /** How many there are, without a look at which. */
  get inFlight(): number {
    return this.#listed.length + (this.#unlisted ? 1 : 0)
  }

  /** Whether there are some. */
  get isBusy(): boolean {
    return this.#listed.length > 0 || this.#unlisted !== undefined
  }

  /**
   * The one whose turn it is gets its exchange when somebody asks: nearly every request is over before.
   */
  listRunning(): void {
    const response = this.#unlisted
    if (response) this.list(new Http1Exchange(response.req, response, this.startedAt))
  }

  /** The one whose turn it is, where nobody has asked for it yet. */
  get #unlisted(): ServerResponse | undefined {
    const response = this.#isClosed ? undefined : responseOn(this.socket)
    if (!response || over.has(response)) return undefined
    return this.#listed.some(({ http1 }) => http1?.response === response) ? undefined : response
  }

  /** Those that are written, for Node; whoever took our listeners off does not tell. */
  endWritten(): void {
    // One that is written gets no slower by being listed.
    if (this.#unlisted?.writableFinished) this.listRunning()
    for (const exchange of [...this.#listed])
      if (exchange.http1?.response.writableFinished) this.end(exchange)
  }

  /** From here on it is known until it is over. */
  list(exchange: Exchange): void {
    this.#listed.push(exchange)
    const answer = exchange.http1?.response ?? exchange.stream
    answer?.once('close', () => this.end(exchange))
  }

  /** Calls when no request is being answered any more, or it is closed: once, and whoever asked last. */
  onceIdle(call: () => void): void {
    this.#idle = call
    this.listRunning()
  }

  end(exchange: Exchange): void {
    const at = this.#listed.indexOf(exchange)
    if (at < 0) return
    this.#listed.splice(at, 1)
    if (exchange.http1) over.add(exchange.http1.response)
    this.#ended(exchange)
    if (!this.isBusy) this.#isIdle()
  }

  #isIdle(): void {
    const call = this.#idle
    this.#idle = undefined
    call?.()
  }

  close(): void {
    this.#isClosed = true
    // Pipelined responses that never got their turn do not close with the socket.
    this.#listed.length = 0
    this.#isIdle()
  }
}
