import type { Socket } from 'node:net'
import { inspect } from 'node:util'
import type { Upgrader } from '../api.js'
import { EndlessError } from '../errors.js'
import type { DrainReason } from '../generation/index.js'
import { isLeaving } from '../migration/index.js'
import { gradually } from './gradually.js'
import { upgrader } from './singleton.js'
import { wasTold } from './told.js'

/** How often it is looked whether all have moved, in ms. */
const lookEvery = 20

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

/** How clients are told. */
export interface RestartOptions {
  /**
   * Within how long all are told at an upgrade, in ms, each at a moment of its own: thousands that come back at
   * once are a load that the successor has not seen yet. Until it is told a client is served as ever. Half of
   * `hammerTime` at most. At a final stop all are told at once.
   * @default 1000
   */
  readonly over?: number | undefined
  /** @default the process's one */
  readonly upgrader?: Upgrader | undefined
}

/** What a package on top says, that lets some of them move instead. */
export interface Moving {
  /** For so long those that move have time at an upgrade, in ms; then they are told as the others. */
  readonly within: number
  /** The connection of one that moves; undefined where it does not. */
  readonly connectionOf: (socket: ClosableSocket) => Socket | undefined
}

/**
 * Tells WebSocket clients to come back when this process drains: close code 1012 (service restart)
 * at an upgrade, 1001 (going away) at a final stop. One that does not go meets the hammer. With
 * `moveWebSockets` of `@endlessjs/ws` they need not come back at all.
 *
 * ```ts
 * restartWebSockets(new WebSocketServer({ server }))
 * restartWebSockets(fastify.websocketServer, { upgrader: fastify.endless, over: 5_000 })
 * ```
 * @returns takes it back
 * @throws EndlessError `ERR_ENDLESS_OPTION` at once for what is no WebSocket server, and for a bad option
 */
export function restartWebSockets(server: SocketServer, options: RestartOptions = {}): () => void {
  return restartOthers(server, options, { within: 0, connectionOf: () => undefined })
}

/** As {@link restartWebSockets}, of those that do not move, and at last of those that could not. */
export function restartOthers(
  server: SocketServer,
  options: RestartOptions,
  { within, connectionOf }: Moving,
): () => void {
  checkSocketServer(server)
  const { over = 1_000, upgrader: up = upgrader() } = checked(options)
  const moves = (socket: ClosableSocket): boolean => connectionOf(socket) !== undefined
  /** Until then those that move are left alone, by `performance.now()`. */
  let movesUntil = 0
  const late = (socket: ClosableSocket): void => {
    // A status looks at every connection: asked for only when there is a drain to tell of.
    if (!up.drainSignal.aborted) return
    // Its handshake was under way when the drain began.
    const reason = up.status().drain?.reason
    if (reason === undefined || (performance.now() < movesUntil && moves(socket))) return
    tell(reason)(socket)
  }
  server.on('connection', late)
  const tell = (reason: DrainReason) => (socket: ClosableSocket) => {
    const connection = connectionOf(socket)
    // It has moved before its turn came, or what it is told would not leave this process.
    if (connection && isLeaving(connection)) return
    socket.close(...codes[reason])
    wasTold(up)
  }
  let serves = new AbortController()
  const drain = async (reason: DrainReason): Promise<void> => {
    // The drain that has just begun is known a moment later.
    await undefined
    const { hammerIn = false } = up.status().drain ?? {}
    const atMost = (time: number): number =>
      hammerIn === false ? time : Math.min(time, hammerIn / 2)
    if (reason === 'shutdown') return gradually(server.clients, 0, tell(reason), serves.signal)
    const { signal } = serves
    movesUntil = performance.now() + atMost(within)
    const movers = (): ClosableSocket[] => [...server.clients].filter(moves)
    const others = [...server.clients].filter((one) => !moves(one))
    const told = gradually(others, atMost(over), tell(reason), signal)
    await untilMoved(() => movers().length === 0, movesUntil, signal)
    await gradually(movers(), atMost(over), tell(reason), signal)
    await told
  }
  const undos = [
    up.hook('onDrain', drain),
    up.hook('onRevive', () => {
      serves.abort()
      serves = new AbortController()
    }),
  ]
  return () => {
    serves.abort()
    for (const undo of undos) undo()
    server.off('connection', late)
  }
}

/** Settles when they have, at the latest at a time by `performance.now()`, and when nobody waits any more. */
function untilMoved(haveMoved: () => boolean, latest: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!signal.aborted && performance.now() < latest && !haveMoved()) return
      clearInterval(timer)
      resolve()
    }
    const timer = setInterval(look, lookEvery).unref()
    look()
  })
}

function checked(options: RestartOptions): RestartOptions {
  const { over, upgrader: up } = options
  const isTime = over === undefined || (typeof over === 'number' && over >= 0 && over < 2 ** 31)
  if (isTime && (up === undefined || typeof up.hook === 'function')) return options
  const [name, value] = isTime ? ['upgrader', up] : ['over', over]
  throw new EndlessError(
    'ERR_ENDLESS_OPTION',
    `restartWebSockets: option "${name}": expected ${isTime ? 'an upgrader' : 'milliseconds'}, received ${inspect(value, { depth: 0 })}`,
  )
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
