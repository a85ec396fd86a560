import type { IncomingMessage, ServerResponse } from 'node:http'
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Server, Socket } from 'node:net'
import { keepsResponses, responseOn } from '../node/index.js'
import { Connection } from './connection.js'
import { type Exchange, Http1Exchange } from './exchange.js'
import { type Kind, kindsOf } from './kinds.js'
import { Tracker } from './tracker.js'

/** A socket, of which one of ours has its connection by its mark. */
type Marked = Readonly<Record<symbol, Connection | undefined>>

/** Every connection of the servers that are tracked, and the requests on it. */
export class Connections {
  readonly #bySocket = new Map<Socket, Connection>()
  /** What a socket has its connection by: for each request that costs a tenth of a look into the map. */
  readonly #mark = Symbol('endless.connection')
  readonly #tracker = new Tracker({
    opened: (server, socket, replaces) => {
      // First the new one, or for an instant there would be no connection at all.
      this.#open(server, socket)
      if (replaces) this.#close(replaces)
    },
    session: (socket, session) => this.#openSession(socket, session),
    request: (socket, request, response) => this.#openRequest(socket, request, response),
  })
  #started: readonly ((connection: Connection, exchange: Exchange) => void)[] = []
  readonly #startedAdopted = new Set<(connection: Connection) => void>()
  readonly #sessions = new Set<(session: ServerHttp2Session) => void>()
  #ended: readonly ((connection: Connection) => void)[] = []
  /** How many came from the predecessor. */
  adopted = 0
  /** How many requests have come. */
  requests = 0
  /** Whether Node knows which response a connection is at, so that we need not. */
  readonly #asksNode = keepsResponses()
  readonly #emptied = new Set<() => void>()
  readonly #coming = new Set<symbol>()

  /** Called for each request before the app sees it. */
  onRequest(call: (connection: Connection, exchange: Exchange) => void): () => void {
    this.#started = [...this.#started, call]
    return () => {
      this.#started = this.#started.filter((one) => one !== call)
    }
  }

  /** Called for each request on a connection that came from the predecessor, before the app sees it. */
  onAdoptedRequest(call: (connection: Connection) => void): () => void {
    this.#startedAdopted.add(call)
    return () => void this.#startedAdopted.delete(call)
  }

  /** Called for each new HTTP/2 session. */
  onSession(call: (session: ServerHttp2Session) => void): () => void {
    this.#sessions.add(call)
    return () => void this.#sessions.delete(call)
  }

  /** Called when a response has ended; there may be others that are not. */
  onEnd(call: (connection: Connection) => void): () => void {
    this.#ended = [...this.#ended, call]
    // Of those that run, the ends are heard from here on.
    for (const connection of this) connection.listRunning()
    return () => {
      this.#ended = this.#ended.filter((one) => one !== call)
    }
  }

  /** The connection of a socket that is tracked. */
  of(socket: Socket): Connection | undefined {
    return this.#bySocket.get(socket)
  }

  get size(): number {
    return this.#bySocket.size
  }

  /** Counted when asked: it looks at every connection. */
  get inFlight(): number {
    let count = 0
    for (const { inFlight } of this) count += inFlight
    return count
  }

  /** Of its connections, and those that can get one. */
  get servers(): Iterable<Server> {
    const ofConnections = [...this].map(({ server }) => server)
    return new Set([...this.#tracker.servers, ...ofConnections])
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#bySocket.values()
  }

  track(server: Server): void {
    this.#tracker.track(server)
  }

  untrack(server: Server): void {
    this.#tracker.untrack(server)
    // They are the app's alone from here on: no drain waits for them or ends them.
    for (const one of [...this]) if (one.server === server) this.#close(one.socket)
  }

  uninstall(): void {
    for (const server of this.servers) this.untrack(server)
    this.#tracker.uninstall()
  }

  /**
   * Settles when no connection is left, and none is coming.
   * @param signal nobody waits any more: it never settles, and what waits is let go
   */
  whenEmpty(signal?: AbortSignal): Promise<void> {
    if (this.#isEmpty) return Promise.resolve()
    return new Promise((resolve) => {
      this.#emptied.add(resolve)
      signal?.addEventListener('abort', () => this.#emptied.delete(resolve))
    })
  }

  /**
   * A connection that is here, and may become ours.
   * @returns it has, or will not
   */
  comes(): () => void {
    const one = Symbol('coming')
    this.#coming.add(one)
    return () => {
      if (this.#coming.delete(one)) this.#settleIfEmpty()
    }
  }

  get #isEmpty(): boolean {
    return this.#bySocket.size === 0 && this.#coming.size === 0
  }

  #settleIfEmpty(): void {
    if (!this.#isEmpty) return
    for (const resolve of this.#emptied) resolve()
    this.#emptied.clear()
  }

  /** What each connection is at. */
  kinds(): Map<Connection, Kind> {
    this.#lookForGhosts()
    return kindsOf([...this], this.servers)
  }

  /**
   * An app that takes all listeners off a socket or a response takes ours, too. Whether they are over is
   * then for Node to say.
   */
  #lookForGhosts(): void {
    for (const connection of [...this]) {
      if (connection.socket.closed) this.#close(connection.socket)
      connection.endWritten()
    }
  }

  #open(server: Server, socket: Socket): void {
    if (this.#bySocket.has(socket) || socket.destroyed) return
    const ended = (): void => {
      for (const call of this.#ended) call(connection)
    }
    const connection = new Connection(server, socket, ended, () => this.#close(socket))
    this.#bySocket.set(socket, connection)
    // When it is new: Node gives it a shape of its own now, too.
    Object.defineProperty(socket, this.#mark, { value: connection, writable: true })
    socket.once('close', connection.closed)
  }

  #openSession(socket: Socket, session: ServerHttp2Session): void {
    const connection = this.#bySocket.get(socket)
    if (!connection) return
    connection.session = session
    session.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      connection.requests++
      this.requests++
      this.#begin(connection, {
        stream,
        method: String(headers[':method'] ?? '?'),
        url: String(headers[':path'] ?? '?'),
        startedAt: performance.now(),
      })
    })
    for (const call of this.#sessions) call(session)
  }

  #openRequest(socket: Socket, request: IncomingMessage, response: ServerResponse): void {
    const connection = (socket as unknown as Marked)[this.#mark]
    if (!connection) return
    connection.requests++
    this.requests++
    const isPipelined = responseOn(socket) !== undefined
    // The one before gets its exchange while the time when it began is still known.
    if (isPipelined) connection.listRunning()
    connection.startedAt = performance.now()
    if (connection.adopted > 0) for (const call of this.#startedAdopted) call(connection)
    if (this.#isWatched || isPipelined || !this.#asksNode)
      this.#begin(connection, new Http1Exchange(request, response, connection.startedAt))
  }

  /** Whether somebody has to hear of each request. Else a request costs a count and the time. */
  get #isWatched(): boolean {
    return this.#started.length > 0 || this.#ended.length > 0
  }

  #begin(connection: Connection, exchange: Exchange): void {
    connection.list(exchange)
    for (const call of this.#started) call(connection, exchange)
  }

  #close(socket: Socket): void {
    const connection = this.#bySocket.get(socket)
    if (!connection) return
    this.#bySocket.delete(socket)
    Object.assign(socket, { [this.#mark]: undefined })
    connection.close()
    this.#settleIfEmpty()
  }
}
