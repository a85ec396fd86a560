/**
 * Socket.IO clients that survive an upgrade, with their id, rooms and data.
 * @packageDocumentation
 */
import type { Socket as Connection } from 'node:net'
import {
  type ClosableSocket,
  EndlessError,
  type RestartOptions,
  restartOthers,
  upgrader,
} from '@endlessjs/core'
import { Crowd } from './crowd.js'
import { Gate } from './gate.js'
import type { InsideServer } from './internals.js'
import { isInMemory, Mail } from './mail.js'
import { strangenessOf } from './understands.js'

export * from '@endlessjs/core/app'

/** What is needed of a `Server` of Socket.IO 4.6 and up, attached to its HTTP server. */
export interface MovableServer<S> {
  readonly engine: object
  readonly sockets: { readonly sockets: ReadonlyMap<string, S> }
}

/** How clients move. */
export interface MoveOptions<S> extends RestartOptions {
  /**
   * Whether the client of a socket has to stay for now, beside what is known without: packets that are half there, acks
   * that are owed in either direction, async handlers that have not settled.
   * @default never
   */
  readonly busy?: ((socket: S) => boolean) | undefined
  /** Called for each socket that the successor has: it emits no 'disconnect' here, as its client has not left. */
  readonly gone?: ((socket: S) => void) | undefined
  /**
   * For so long clients have time to get still at an upgrade, in ms; half of `hammerTime` at most. Who did not is
   * told to come back, within `over`.
   * @default 5000
   */
  readonly within?: number | undefined
  /**
   * Whether rooms are those of all processes of the service, those that drain and the other workers of `endless
   * start`: `io.to(room).emit()`, `io.emit()`, `socketsJoin`, `socketsLeave` and `disconnectSockets` reach their members
   * wherever they are, each once, also those that move; `fetchSockets`, broadcasts with acks and `serverSideEmit` hear of
   * all processes. For the in-memory adapter; one of a cluster does it already.
   * @default false
   */
  readonly rooms?: boolean | undefined
}

/**
 * Lets the clients of Socket.IO that are connected by WebSocket move to the successor at an upgrade, each between two
 * packets: they notice nothing. In the successor 'connection' is emitted for each of their sockets, which has the
 * same `id`, rooms, `data` and `handshake`, and is `recovered`. No 'disconnect' is emitted here. Middlewares run
 * again, as after any recovery: not with `connectionStateRecovery.skipMiddlewares`.
 *
 * Those that cannot move are told to come back: they reconnect by themselves. That are those that poll, those of
 * Engine.IO 3, those over TLS that ends in this process, and who is never still.
 *
 * ```ts
 * const io = new Server(server)
 * moveSocketIO(io)
 * io.on('connection', (socket) => {
 *   if (!socket.recovered) socket.data.name = nameOf(socket)
 * })
 * ```
 * @param io a `Server` of Socket.IO 4.6 and up that has its HTTP server
 * @returns takes it back
 * @throws EndlessError `ERR_ENDLESS_OPTION` at once for a bad argument
 */
export function moveSocketIO<S>(io: MovableServer<S>, options: MoveOptions<S> = {}): () => void {
  const { busy = () => false, gone = () => {}, within = 5_000, rooms = false, ...others } = options
  check(io, { busy, gone }, { within, rooms })
  const inside = io as unknown as InsideServer
  let gate: Gate | undefined
  let mail: Mail | undefined
  let isStrange = false
  const crowd = new Crowd(inside.engine, (conn) => {
    const client = gate?.passengerOf(conn)?.client
    if (client) mail?.leaves(client)
  })
  const movers = new WeakMap<ClosableSocket, Connection>()
  const connectionOf = (one: ClosableSocket): Connection | undefined => movers.get(one)
  const stop = restartOthers(crowd, others, { within, connectionOf })
  const strangeness = strangenessOf(inside)
  if (strangeness !== undefined) {
    warn(strangeness)
    return stop
  }
  mail = new Mail(inside, others.upgrader ?? upgrader(), rooms, {
    isHere: ({ client }) => gate?.passengerOf(client.conn)?.isPacked === false,
    get arrivals() {
      return gate?.arrivals
    },
  })
  gate = new Gate(inside, {
    busy: (socket) => busy(socket as S),
    gone: (socket) => gone(socket as S),
    opens: (nsp) => mail?.opens(nsp) ?? (() => {}),
    strange: (why) => {
      if (!isStrange) warn(why)
      isStrange = true
    },
    moves: (conn, connection) => movers.set(crowd.memberOf(conn), connection),
  })
  return () => {
    stop()
    gate?.close()
    mail?.close()
  }
}

function warn(strangeness: string): void {
  process.emitWarning(
    `moveSocketIO: this version of Socket.IO is not known (${strangeness}): its clients do not move, and are told ` +
      'to come back at an upgrade. Use Socket.IO 4.6 to 4.8, or report this to the endless project',
    { code: 'ERR_ENDLESS_UNSUPPORTED' },
  )
}

function check(
  io: unknown,
  functions: Readonly<Record<string, unknown>>,
  { within, rooms }: Readonly<Record<string, unknown>>,
): void {
  const { engine } = Object(io) as { readonly engine?: unknown }
  if (typeof Reflect.get(Object(engine), 'clients') !== 'object')
    fail(
      'expected a Server of Socket.IO that is attached to its HTTP server, received something else',
    )
  for (const [name, value] of Object.entries(functions))
    if (typeof value !== 'function')
      fail(`"${name}": expected a function, received ${typeof value}`)
  if (typeof within !== 'number' || !(within >= 0 && within < 2 ** 31))
    fail(`"within": expected milliseconds, received ${String(within)}`)
  if (typeof rooms !== 'boolean') fail(`"rooms": expected true or false, received ${typeof rooms}`)
  if (rooms && !isInMemory(io as InsideServer))
    fail('"rooms": expected the in-memory adapter, received another one, which knows rooms itself')
}

function fail(why: string): never {
  throw new EndlessError('ERR_ENDLESS_OPTION', `moveSocketIO: ${why}`)
}
