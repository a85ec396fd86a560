import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerHttp2Session } from 'node:http2'
import type { Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { isTls, rawSocketOf } from '../node/index.js'

/** A request of HTTP/1, as Node's channel announces it. */
interface RequestStart {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly socket: Socket
}

const requestStart = 'http.server.request.start'

/** Who is told of what Node says of servers. */
export interface TrackerOwner {
  /** @param replaces the TCP socket below a TLS socket, which was announced before it */
  opened(server: Server, socket: Socket, replaces?: Socket): void
  /** Of the socket that was opened last. */
  session(socket: Socket, session: ServerHttp2Session): void
  /** Before the app sees it. */
  request(socket: Socket, request: IncomingMessage, response: ServerResponse): void
}

/** What Node says of the connections of servers, and of the requests on them. */
export class Tracker {
  readonly #owner: TrackerOwner
  /** Of every server that is tracked: also of a closed one, which may listen again or be forgotten. */
  #undo = new WeakMap<Server, () => void>()
  /** Those that are not closed. */
  readonly #servers = new Set<Server>()
  #subscribed = false

  constructor(owner: TrackerOwner) {
    this.#owner = owner
  }

  /** Those that are not closed. */
  get servers(): Iterable<Server> {
    return this.#servers
  }

  track(server: Server): void {
    if (this.#undo.has(server)) return
    const closed = (): void => void this.#servers.delete(server)
    let latest: Socket | undefined
    const opened = (socket: Socket, replaces?: Socket): void => {
      // It was closed when we left, and is the app's alone.
      if (!this.#undo.has(server)) return
      // Or it was closed, and listens again: that shows with its first connection.
      this.#add(server)
      latest = socket
      this.#owner.opened(server, socket, replaces)
    }
    const connected = (socket: Socket): void => opened(socket)
    const secured = (socket: TLSSocket): void => opened(socket, rawSocketOf(socket))
    // Node makes the session while it hears of the connection, so we have to hear of that first.
    const session = (one: ServerHttp2Session): void => {
      if (latest) this.#owner.session(latest, one)
    }
    server.prependListener('connection', connected)
    if (isTls(server)) server.prependListener('secureConnection', secured)
    server.on('session', session)
    server.on('close', closed)
    this.#undo.set(server, () => {
      server.off('connection', connected)
      server.off('secureConnection', secured)
      server.off('session', session)
      server.off('close', closed)
    })
    this.#add(server)
  }

  untrack(server: Server): void {
    this.#undo.get(server)?.()
    this.#undo.delete(server)
    this.#servers.delete(server)
    if (this.#servers.size === 0) this.#unsubscribe()
  }

  uninstall(): void {
    for (const server of [...this.#servers]) this.untrack(server)
    this.#undo = new WeakMap()
    this.#unsubscribe()
  }

  #add(server: Server): void {
    this.#servers.add(server)
    this.#subscribe()
  }

  /** Node's own channel: unlike a 'request' listener it also sees what goes to 'checkContinue'. */
  #subscribe(): void {
    if (!this.#subscribed) subscribe(requestStart, this.#onRequestStart)
    this.#subscribed = true
  }

  #unsubscribe(): void {
    if (this.#subscribed) unsubscribe(requestStart, this.#onRequestStart)
    this.#subscribed = false
  }

  readonly #onRequestStart = (message: unknown): void => {
    const { request, response, socket } = message as RequestStart
    this.#owner.request(socket, request, response)
  }
}
