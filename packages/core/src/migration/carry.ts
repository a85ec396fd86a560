import type { Socket } from 'node:net'
import { EndlessError } from '../errors.js'
import { isTls, serverOf, speaksHttp } from '../node/index.js'

/** What an app says of a connection that may move to the successor. */
export interface Carriage {
  /**
   * Whether the connection has to stay for now: while an answer is being made, or a message is half read. Asked
   * again and again while it is to move, so it has to be cheap.
   * @default never
   */
  readonly busy?: (() => boolean) | undefined
  /**
   * What the successor gets by {@link carried}: whatever JSON can say. Called once, in the turn in which the
   * connection changes hands: nothing is read from it or written to it any more.
   * @default undefined
   */
  readonly state?: (() => unknown) | undefined
  /** Called when the successor has it. The socket emits no 'close' here then: the client has not left. */
  readonly gone?: (() => void) | undefined
}

const carriages = new WeakMap<Socket, Carriage>()
/** Of sockets that came from the predecessor. */
const states = new WeakMap<Socket, unknown>()

/**
 * Lets a connection of a `net.Server` move to the successor at an upgrade, with what the app knows of it, in a
 * protocol of your own. The successor's server emits 'connection' for it, as for a new one, and {@link carried}
 * tells the two apart. A connection that does not get quiet, or whose `state()` throws or is larger than
 * `carryLimit`, stays and drains; the log says so.
 *
 * Throws `ERR_ENDLESS_OPTION` for a bad argument, and `ERR_ENDLESS_UNSUPPORTED` for a connection of an HTTP
 * server, which moves by itself between two requests, and over TLS, whose keys are in this process.
 */
export function carry(socket: Socket, carriage: Carriage = {}): void {
  for (const [name, value] of Object.entries(carriage) as [string, unknown][]) {
    if (!['busy', 'state', 'gone'].includes(name))
      throw new EndlessError(
        'ERR_ENDLESS_OPTION',
        `carry(): expected busy, state or gone, received "${name}"`,
      )
    if (value !== undefined && typeof value !== 'function')
      throw new EndlessError(
        'ERR_ENDLESS_OPTION',
        `carry(): "${name}": expected a function, received ${typeof value}`,
      )
  }
  const server = serverOf(socket)
  if (server === undefined || speaksHttp(server) || isTls(server))
    throw new EndlessError(
      'ERR_ENDLESS_UNSUPPORTED',
      'carry(): expected a connection that a net.Server has accepted; one of HTTP moves by itself between two ' +
        'requests, and one of TLS cannot move, since its keys are in this process',
    )
  carriages.set(socket, carriage)
}

/**
 * What `state()` returned in the predecessor, where a connection came from there; undefined for a new client, or
 * where there was no `state`. No client can forge it. Its shape is what another release made of it.
 */
export function carried<State = unknown>(socket: Socket): State | undefined {
  return states.get(socket) as State | undefined
}

/** What the app said of it; undefined where it said nothing. */
export function carriageOf(socket: Socket): Carriage | undefined {
  return carriages.get(socket)
}

/** What the app says of it cannot be had: it is asked no more, and the connection stays. */
export function giveUpCarrying(socket: Socket): void {
  carriages.delete(socket)
}

/** It came with that. */
export function bring(socket: Socket, state: unknown): void {
  states.set(socket, state)
}
