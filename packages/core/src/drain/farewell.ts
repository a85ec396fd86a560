import type { IncomingMessage } from 'node:http'
import type { Server, Socket } from 'node:net'
import { type Connection, type Connections, type Exchange, goAway } from '../connections/index.js'
import { intercept } from '../node/index.js'

/**
 * While it lasts, clients are told to go to the successor of their own accord: HTTP/2 by GOAWAY,
 * HTTP/1 by `Connection: close` in the last response on each connection. Never in an earlier one:
 * what a client pipelined behind it would be cut; and never before the request's body has come,
 * because Node closes at the end of the response, and a client that still writes gets a reset and
 * not its answer.
 */
export class Farewell {
  readonly #connections: Connections
  readonly #stays: (connection: Connection) => boolean
  readonly #mayStay: (connection: Connection) => boolean
  readonly #marked = new Map<Exchange, () => void>()
  readonly #undos: (() => void)[] = []

  /**
   * @param stays which connections are not told, because they move to the successor as they are
   * @param mayStay the same of one that waits for no response, where that is cheaper to say
   */
  constructor(
    connections: Connections,
    stays?: (connection: Connection) => boolean,
    mayStay: ((connection: Connection) => boolean) | undefined = stays,
  ) {
    this.#connections = connections
    this.#stays = stays ?? (() => false)
    this.#mayStay = mayStay ?? this.#stays
    if (stays) this.look()
    else this.#begin()
  }

  /**
   * Looks who does not stay after all. As long as all do, no response is touched: one that has a
   * property of ours is an object of another shape, for which all the code that serves it would be
   * compiled anew, in a process that still serves most clients.
   */
  look(): void {
    if (this.#undos.length > 0) return this.#markRunning()
    for (const connection of this.#connections) {
      const stays = connection.isBusy ? this.#stays(connection) : this.#mayStay(connection)
      if (!stays) return this.#begin()
    }
  }

  /** For responses whose head is not written yet. */
  takeBack(): void {
    for (const undo of this.#undos.splice(0)) undo()
    for (const undo of this.#marked.values()) undo()
    this.#marked.clear()
  }

  #begin(): void {
    const connections = this.#connections
    for (const { exchanges, session } of connections) {
      const running = exchanges.flatMap(({ stream }) => stream ?? [])
      if (session) goAway(session, running)
    }
    this.#markRunning()
    this.#undos.push(
      connections.onRequest((connection, exchange) => this.#mark(connection, exchange)),
      connections.onSession((session) => goAway(session)),
      ...[...connections.servers].map((server) =>
        deferRequests(server, (socket) => {
          const connection = socket && connections.of(socket)
          return connection === undefined || !this.#stays(connection)
        }),
      ),
    )
  }

  #markRunning(): void {
    for (const connection of this.#connections)
      if (connection.isBusy)
        for (const exchange of connection.exchanges) this.#mark(connection, exchange)
  }

  #mark(connection: Connection, exchange: Exchange): void {
    const response = exchange.http1?.response
    if (!response || this.#marked.has(exchange) || response.headersSent) return
    if (this.#stays(connection)) return
    this.#marked.set(exchange, closeWithHead(connection, exchange, this.#stays))
    response.once('close', () => this.#marked.delete(exchange))
  }
}

/** Decides when the head is written, when it is known what else came on the connection. */
function closeWithHead(
  connection: Connection,
  exchange: Exchange,
  stays: (connection: Connection) => boolean,
): () => void {
  if (!exchange.http1) return () => {}
  const { request, response } = exchange.http1
  const original = response.writeHead
  const patched = function (this: typeof response, ...args: unknown[]): typeof response {
    if (connection.exchanges.at(-1) !== exchange || !request.complete || stays(connection))
      return Reflect.apply(original, this, args) as typeof response
    // Node says it by itself then. A header of ours would make Node 20 merge what the app hands over
    // as a list, and keep one of two cookies; and no version takes a list of pairs beside it.
    response.shouldKeepAlive = false
    if (response.hasHeader('connection')) response.setHeader('Connection', 'close')
    // A handler that passes on the head of another server's response says keep-alive there.
    const head = [...args.slice(0, -1), withoutConnection(args.at(-1))]
    return Reflect.apply(original, this, head) as typeof response
  }
  response.writeHead = patched as typeof original
  return () => {
    // Another wrapper may stand on ours by now; then it has to stay, and does no harm.
    if (response.writeHead === patched) response.writeHead = original
  }
}

/**
 * Gives the app its requests one turn later. Node hands over pipelined requests one by one, and an
 * app that answers at once would write the head of the first before the second is known.
 */
function deferRequests(
  server: Server,
  leaves: (socket: Socket | undefined) => boolean,
): () => void {
  return intercept(server, (event, proceed, [request]) => {
    if (event !== 'request' && event !== 'checkContinue') return proceed()
    // A stream of HTTP/2 has its own end, and may come to it in a turn in which nobody listens.
    const { httpVersionMajor = 1, socket } = (request ?? {}) as Partial<IncomingMessage>
    if (httpVersionMajor > 1 || !leaves(socket)) return proceed()
    setImmediate(proceed)
    return true
  })
}

/** The headers of `writeHead`, an object or a flat list, without `Connection`. */
function withoutConnection(headers: unknown): unknown {
  if (typeof headers !== 'object' || headers === null) return headers
  if (!Array.isArray(headers))
    return Object.fromEntries(Object.entries(headers).filter(([name]) => !isConnection(name)))
  if (headers.every(Array.isArray)) return headers.filter(([name]) => !isConnection(name))
  return headers.filter((_, n) => !isConnection(headers[n - (n % 2)]))
}

function isConnection(name: unknown): boolean {
  return String(name).toLowerCase() === 'connection'
}
