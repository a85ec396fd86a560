import type { Server } from 'node:net'
import type { Connection, Connections, Exchange } from './connections.js'

/**
 * While it lasts, the last response on each connection says `Connection: close`, so that a client
 * goes to the successor of its own accord. Never an earlier one: what a client pipelined behind it
 * would be cut; and never before the request's body has come, because Node closes at the end of
 * the response, and a client that still writes gets a reset and not its answer.
 * @returns takes it back, for responses whose head is not written yet
 */
export function sayFarewell(connections: Connections): () => void {
  const marked = new Map<Exchange, () => void>()
  const mark = (connection: Connection, exchange: Exchange): void => {
    if (marked.has(exchange) || exchange.response.headersSent) return
    marked.set(exchange, closeWithHead(connection, exchange))
    exchange.response.once('close', () => marked.delete(exchange))
  }
  for (const connection of connections)
    for (const exchange of connection.exchanges) mark(connection, exchange)
  const undos = [connections.onRequest(mark), ...[...connections.servers].map(deferRequests)]
  return () => {
    for (const undo of undos) undo()
    for (const undo of marked.values()) undo()
  }
}

/** Decides when the head is written, when it is known what else came on the connection. */
function closeWithHead(connection: Connection, exchange: Exchange): () => void {
  const { request, response } = exchange
  const original = response.writeHead
  const patched = function (this: typeof response, ...args: unknown[]): typeof response {
    if (connection.exchanges.at(-1) === exchange && request.complete)
      response.setHeader('Connection', 'close')
    return Reflect.apply(original, this, args) as typeof response
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
function deferRequests(server: Server): () => void {
  const original = server.emit
  const deferred = function (this: Server, event: string, ...args: unknown[]): boolean {
    if (event !== 'request' && event !== 'checkContinue')
      return Reflect.apply(original, this, [event, ...args]) as boolean
    setImmediate(() => Reflect.apply(original, this, [event, ...args]))
    return true
  }
  server.emit = deferred as typeof original
  return () => {
    if (server.emit === deferred) server.emit = original
  }
}
