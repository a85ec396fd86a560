/**
 * WebSockets that survive an upgrade, with their state.
 * @packageDocumentation
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import {
  arrived,
  baggageOf,
  type ClosableSocket,
  EndlessError,
  type LadenCarriage,
  type RestartOptions,
  restartOthers,
  type SocketServer,
} from '@endlessjs/core'
import { tryToCarry } from './carriage.js'
import { countHandlers } from './handlers.js'
import { awaitsClient, type Inside, isStill, setGone, termsOf } from './internals.js'
import { strangenessOf } from './understands.js'
import { windowOf } from './window.js'

export * from '@endlessjs/core/app'

/** What is needed of a `WebSocketServer` of `ws` 8. */
export interface MovableServer<W> {
  readonly clients: Set<W>
  off(event: string, listener: () => void): unknown
  prependListener(event: string, listener: () => void): unknown
}

/** How WebSockets move. */
export interface MoveOptions<W> extends RestartOptions {
  /**
   * Whether one has to stay for now, beside what is known without: that it is in the midst of a message, or that an
   * async handler of 'message' has not settled.
   * @default never
   */
  readonly busy?: ((socket: W) => boolean) | undefined
  /** Called when the successor has it: it emits no 'close' here, because its client has not left. */
  readonly gone?: ((socket: W) => void) | undefined
  /**
   * For so long they have time to get still at an upgrade, in ms; half of `hammerTime` at most. Who did not is told
   * to come back (1012), within `over`.
   * @default 5000
   */
  readonly within?: number | undefined
}

/** What goes along for ourselves. */
interface Baggage {
  /** What was agreed on in the handshake. */
  readonly terms: string
  /** In base64. */
  readonly window?: string
}

/**
 * Lets the WebSockets of a server move to the successor at an upgrade, each between two messages: their clients
 * notice nothing. In the successor the handshake is replayed, so routing, cookies, hooks and 'connection' see the
 * same request again; `carried(request)` is there what `state` returned here, and undefined for a new client.
 * 'close' is not emitted for one that moves. What the app registers on 'message' may be async: it is waited for.
 *
 * Those that cannot move (over TLS, whose keys are in this process; a `ws` of another build; a client that is never
 * still) are told to come back, as by `restartWebSockets`, whose options are here as well: it need not be called.
 *
 * ```ts
 * moveWebSockets(wss, (socket) => ({ name: socket.name }))
 * wss.on('connection', (socket, request) => {
 *   socket.name = carried(request)?.name ?? nameOf(request)
 * })
 * ```
 * @param server a `WebSocketServer` of `ws` 8, or `fastify.websocketServer`
 * @param state what the successor has to know of one, as JSON; called when it is frozen
 * @returns takes it back
 * @throws EndlessError `ERR_ENDLESS_OPTION` at once for a bad argument
 */
export function moveWebSockets<W extends ClosableSocket>(
  server: MovableServer<W>,
  state: (socket: W) => unknown = () => undefined,
  { busy = () => false, gone = () => {}, within = 5_000, ...options }: MoveOptions<W> = {},
): () => void {
  check({ state, busy, gone }, within)
  const movers = new WeakMap<ClosableSocket, Socket>()
  const stop = restartOthers(server as unknown as SocketServer, options, {
    within,
    connectionOf: (socket) => movers.get(socket),
  })
  const strangeness = strangenessOf(server)
  if (strangeness !== undefined) {
    process.emitWarning(
      `moveWebSockets: this version of ws is not known (${strangeness}): its WebSockets do not move, and are told ` +
        'to come back at an upgrade. Use ws 8, or report this to the endless project',
      { code: 'ERR_ENDLESS_UNSUPPORTED' },
    )
    return stop
  }
  const connected = (socket: W, request: IncomingMessage): void => {
    const carriage = carriageFor(socket, request, server.clients)
    const said: LadenCarriage = {
      ...carriage,
      busy: () => carriage.busy() || busy(socket),
      state: () => state(socket),
      gone: () => {
        carriage.gone()
        gone(socket)
      },
    }
    if (tryToCarry(request, said)) movers.set(socket, request.socket)
    // What channels said while it was on its way comes before anything else.
    arrived(request.socket, socket)
  }
  // The app's handlers find it as it will be.
  server.prependListener('connection', connected as () => void)
  return () => {
    stop()
    server.off('connection', connected as () => void)
  }
}

function carriageFor<W>(
  one: W,
  request: IncomingMessage,
  clients: Set<W>,
): Required<Pick<LadenCarriage, 'awaits' | 'baggage'>> & { busy: () => boolean; gone: () => void } {
  const socket = one as unknown as Inside
  const was = baggageOf<Baggage>(request)
  const terms = termsOf(socket)
  // This release does not speak what its client was told by another one.
  if (was && was.terms !== terms) socket.close(1012, 'service restart')
  const window = windowOf(socket, was?.window ? Buffer.from(was.window, 'base64') : undefined)
  const running = countHandlers(socket)
  return {
    busy: () => !isStill(socket) || running() > 0,
    awaits: () => awaitsClient(socket),
    baggage: (): Baggage => ({ terms, ...(window && { window: window.bytes.toString('base64') }) }),
    gone: () => setGone(socket, clients as Set<unknown>),
  }
}

function check(functions: Readonly<Record<string, unknown>>, within: unknown): void {
  for (const [name, value] of Object.entries(functions))
    if (typeof value !== 'function')
      throw new EndlessError(
        'ERR_ENDLESS_OPTION',
        `moveWebSockets: "${name}": expected a function, received ${typeof value}`,
      )
  if (typeof within !== 'number' || !(within >= 0 && within < 2 ** 31))
    throw new EndlessError(
      'ERR_ENDLESS_OPTION',
      `moveWebSockets: "within": expected milliseconds, received ${String(within)}`,
    )
}
