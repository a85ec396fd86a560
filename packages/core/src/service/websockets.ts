import type { Upgrader } from '../api.js'
import { EndlessError } from '../errors.js'
import type { DrainReason } from '../generation/index.js'
import { upgrader } from './singleton.js'

/** The part of a WebSocket that is used: the `ws` package's and most others' fit. */
export interface ClosableSocket {
  close(code: number, reason: string): void
}

/** The part of a WebSocket server that is used: `ws`' `WebSocketServer` fits. */
export interface SocketServer {
  readonly clients: Iterable<ClosableSocket>
  on(event: 'connection', listener: (socket: ClosableSocket) => void): unknown
  off(event: 'connection', listener: (socket: ClosableSocket) => void): unknown
}

/** Close codes of RFC 6455 and of the IANA registry it set up. */
const codes: Readonly<Record<DrainReason, readonly [code: number, reason: string]>> = {
  shutdown: [1001, 'going away'],
  upgraded: [1012, 'service restart'],
}

/**
 * Tells WebSocket clients to come back when this process drains: close code 1012 (service restart)
 * at an upgrade, 1001 (going away) at a final stop. One that does not go meets the hammer.
 *
 * ```ts
 * restartWebSockets(new WebSocketServer({ server }))
 * restartWebSockets(fastify.websocketServer, fastify.endless)
 * ```
 * @returns takes it back
 * @throws EndlessError `ERR_ENDLESS_OPTION` at once for what is no WebSocket server
 */
export function restartWebSockets(server: SocketServer, up: Upgrader = upgrader()): () => void {
  checkSocketServer(server)
  const late = (socket: ClosableSocket): void => {
    // A status looks at every connection: asked for only when there is a drain to tell of.
    if (!up.drainSignal.aborted) return
    // Its handshake was under way when the drain began.
    const reason = up.status().drain?.reason
    if (reason) socket.close(...codes[reason])
  }
  server.on('connection', late)
  const undo = up.hook('onDrain', (reason) => {
    for (const socket of server.clients) socket.close(...codes[reason])
  })
  return () => {
    undo()
    server.off('connection', late)
  }
}

/** One that would throw at the drain throws here: the drain is too late to learn of it. */
function checkSocketServer(server: unknown): void {
  const given = Object(server) as Partial<Record<keyof SocketServer, unknown>>
  const isIterable = Symbol.iterator in Object(given.clients)
  if (isIterable && typeof given.on === 'function' && typeof given.off === 'function') return
  throw new EndlessError(
    'ERR_ENDLESS_OPTION',
    'restartWebSockets: expected a WebSocket server with `clients`, `on` and `off`, such as the ' +
      '`WebSocketServer` of ws, received something else. For Socket.IO call `io.engine.close()` in ' +
      'an onDrain hook instead',
  )
}
