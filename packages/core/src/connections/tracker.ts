import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerHttp2Session } from 'node:http2'
import type { Server, Socket } from 'node:net'
import { type TLSSocket, Server as TlsServer } from 'node:tls'
import { rawSocketOf } from '../node/index.js'

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
  readonly #undo = new Map<Server, () => void>()

  constructor(owner: TrackerOwner) {
    this.#owner = owner
  }

  get servers(): Iterable<Server> {
    return this.#undo.keys()
  }

  track(server: Server): void {
    if (this.#undo.has(server)) return
    // Node's own channel: unlike a 'request' listener it also sees what goes to 'checkContinue'.
    if (this.#undo.size === 0) subscribe(requestStart, this.#onRequestStart)
    let latest: Socket | undefined
    const opened = (socket: Socket): void => {
      latest = socket
      this.#owner.opened(server, socket)
    }
    const secured = (socket: TLSSocket): void => {
      latest = socket
      this.#owner.opened(server, socket, rawSocketOf(socket))
    }
    // Node makes the session while it hears of the connection, so we have to hear of that first.
    const session = (one: ServerHttp2Session): void => {
      if (latest) this.#owner.session(latest, one)
    }
    server.prependListener('connection', opened)
    if (server instanceof TlsServer) server.prependListener('secureConnection', secured)
    server.on('session', session)
    this.#undo.set(server, () => {
      server.off('connection', opened)
      server.off('secureConnection', secured)
      server.off('session', session)
    })
  }

  untrack(server: Server): void {
    this.#undo.get(server)?.()
    if (this.#undo.delete(server) && this.#undo.size === 0)
      unsubscribe(requestStart, this.#onRequestStart)
  }

  readonly #onRequestStart = (message: unknown): void => {
    const { request, response, socket } = message as RequestStart
    this.#owner.request(socket, request, response)
  }
}
