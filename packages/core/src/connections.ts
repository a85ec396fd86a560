import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'
import { type TLSSocket, Server as TlsServer } from 'node:tls'
import { idleAmong, isParsed, rawSocketOf, speaksHttp } from './handle.js'

/** A request that is being answered. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** From `performance.now()`, in ms. */
  readonly startedAt: number
}

/**
 * What a connection is at: answering a request; `idle` between two; `silent`, never sent a byte;
 * `partial`, half a request read; `upgraded`, no longer http (WebSocket, CONNECT, or no http server).
 */
export type Kind = 'active' | 'idle' | 'silent' | 'partial' | 'upgraded'

/** An accepted connection. */
export interface Connection {
  readonly socket: Socket
  readonly server: Server
  readonly openedAt: number
  /** Requests that are being answered, oldest first: more than one when they are pipelined. */
  readonly exchanges: Exchange[]
}

interface RequestStart {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly socket: Socket
}

const requestStart = 'http.server.request.start'

/** Every connection of the servers that are tracked, and the requests on it. */
export class Connections {
  readonly #bySocket = new Map<Socket, Connection>()
  readonly #undo = new Map<Server, () => void>()
  readonly #started: ((connection: Connection, exchange: Exchange) => void)[] = []
  #inFlight = 0
  #emptied: (() => void)[] = []

  /** Called for each request before the app sees it. */
  onRequest(call: (connection: Connection, exchange: Exchange) => void): () => void {
    this.#started.push(call)
    return () => void this.#started.splice(this.#started.indexOf(call), 1)
  }

  get size(): number {
    return this.#bySocket.size
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get servers(): Iterable<Server> {
    return this.#undo.keys()
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#bySocket.values()
  }

  track(server: Server): void {
    // Node's own channel: unlike a 'request' listener it also sees what goes to 'checkContinue'.
    if (this.#undo.size === 0) subscribe(requestStart, this.#onRequestStart)
    const opened = (socket: Socket): void => this.#open(server, socket)
    const secured = (socket: TLSSocket): void => {
      // First the new one, or for an instant there would be no connection at all.
      this.#open(server, socket)
      const raw = rawSocketOf(socket)
      if (raw) this.#close(raw)
    }
    server.on('connection', opened)
    if (server instanceof TlsServer) server.on('secureConnection', secured)
    this.#undo.set(server, () => {
      server.off('connection', opened)
      server.off('secureConnection', secured)
    })
  }

  uninstall(): void {
    for (const undo of this.#undo.values()) undo()
    if (this.#undo.size > 0) unsubscribe(requestStart, this.#onRequestStart)
    this.#undo.clear()
  }

  /** Settles when no connection is left. */
  whenEmpty(): Promise<void> {
    if (this.#bySocket.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#emptied.push(resolve))
  }

  /** What each connection is at. */
  kinds(): Map<Connection, Kind> {
    const idle = new Set<Socket>()
    for (const server of this.#undo.keys()) {
      const sockets = [...this.#bySocket.values()].filter((one) => one.server === server)
      for (const socket of idleAmong(
        server,
        sockets.map((one) => one.socket),
      ))
        idle.add(socket)
    }
    const kindOf = (one: Connection): Kind => {
      if (one.exchanges.length > 0) return 'active'
      if (!speaksHttp(one.server)) return 'upgraded'
      if (one.socket.bytesRead === 0 || isInHandshake(one)) return 'silent'
      if (!isParsed(one.socket)) return 'upgraded'
      return idle.has(one.socket) ? 'idle' : 'partial'
    }
    return new Map([...this].map((one) => [one, kindOf(one)]))
  }

  readonly #onRequestStart = (message: unknown): void => {
    const { request, response, socket } = message as RequestStart
    const connection = this.#bySocket.get(socket)
    if (!connection) return
    const exchange: Exchange = { request, response, startedAt: performance.now() }
    connection.exchanges.push(exchange)
    this.#inFlight++
    response.once('close', () => this.#end(connection, exchange))
    for (const call of this.#started) call(connection, exchange)
  }

  #open(server: Server, socket: Socket): void {
    if (socket.destroyed || this.#bySocket.has(socket)) return
    const connection: Connection = {
      socket,
      server,
      openedAt: performance.now(),
      exchanges: [],
    }
    this.#bySocket.set(socket, connection)
    socket.once('close', () => this.#close(socket))
  }

  #close(socket: Socket): void {
    const connection = this.#bySocket.get(socket)
    if (!connection) return
    this.#bySocket.delete(socket)
    // Pipelined responses that never got their turn do not close with the socket.
    this.#inFlight -= connection.exchanges.length
    connection.exchanges.length = 0
    if (this.#bySocket.size > 0) return
    for (const resolve of this.#emptied.splice(0)) resolve()
  }

  #end(connection: Connection, exchange: Exchange): void {
    const at = connection.exchanges.indexOf(exchange)
    if (at < 0) return
    connection.exchanges.splice(at, 1)
    this.#inFlight--
  }
}

/** A TLS server announces the TCP socket first, and the secure one that replaces it later. */
function isInHandshake({ server, socket }: Connection): boolean {
  return server instanceof TlsServer && !('encrypted' in socket)
}
