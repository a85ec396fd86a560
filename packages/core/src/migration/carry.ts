import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { EndlessError } from '../errors.js'
import { headOf, isParsed, isTls, serverOf, speaksHttp } from '../node/index.js'

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

/** What a package on top says of one: it has something to know for itself, which is no business of the app. */
export interface LadenCarriage extends Carriage {
  /** As {@link Carriage.state}; found by {@link baggageOf}, and not counted by `carryLimit`. */
  readonly baggage?: (() => unknown) | undefined
  /** Whether a busy one waits for its client: what that says is read then, or it would be busy for ever. */
  readonly awaits?: (() => boolean) | undefined
}

/** What came along with a connection. */
interface Brought {
  readonly state?: unknown
  readonly baggage?: unknown
}

const words = ['busy', 'state', 'gone', 'baggage', 'awaits']
const carriages = new WeakMap<Socket, LadenCarriage>()
/** Of those that were connections of HTTP before. */
const heads = new WeakMap<Socket, string>()
/** On their way with their state, or gone. */
const leaving = new WeakSet<Socket>()
/** Of sockets that came from the predecessor. */
const brought = new WeakMap<Socket, Brought>()

/**
 * Lets a connection move to the successor at an upgrade, with what the app knows of it: one of a `net.Server`, in a
 * protocol of your own, or one that HTTP has upgraded, by its request. The successor's server emits 'connection'
 * for it, as for a new one, and for an upgraded one 'upgrade' with the same request: what it answers to that is not
 * sent, and has to be a 101 again. {@link carried} tells it from a new one. A connection that does not get quiet,
 * or whose `state()` throws or is larger than `carryLimit`, stays and drains; the log says so.
 *
 * Throws `ERR_ENDLESS_OPTION` for a bad argument, and `ERR_ENDLESS_UNSUPPORTED` for a connection that HTTP has
 * still, which moves by itself between two requests, and over TLS, whose keys are in this process.
 *
 * @param target the socket that a `net.Server` has accepted, or the request of an 'upgrade'
 */
export function carry(target: Socket | IncomingMessage, carriage: Carriage = {}): void {
  for (const [name, value] of Object.entries(carriage) as [string, unknown][]) {
    if (!words.includes(name))
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
  const socket = socketOf(target)
  checkSocket(socket, target !== socket)
  if (target !== socket) heads.set(socket, headOf(target as IncomingMessage))
  carriages.set(socket, carriage)
}

function checkSocket(socket: Socket, isUpgrade: boolean): void {
  const server = serverOf(socket)
  if (server && !isTls(server) && !speaksHttp(server)) return
  if (server && !isTls(server) && isUpgrade && !isParsed(socket)) return
  throw new EndlessError(
    'ERR_ENDLESS_UNSUPPORTED',
    'carry(): expected a connection that a net.Server has accepted, or the request of one that HTTP has upgraded; ' +
      'one of HTTP moves by itself between two requests, and one of TLS cannot move, since its keys are in this ' +
      'process',
  )
}

/**
 * What `state()` returned in the predecessor, where a connection came from there; undefined for a new client, or
 * where there was no `state`. No client can forge it. Its shape is what another release made of it.
 *
 * @param target as of {@link carry}
 */
export function carried<State = unknown>(target: Socket | IncomingMessage): State | undefined {
  return brought.get(socketOf(target))?.state as State | undefined
}

/** What the package on top said of it in the predecessor. */
export function baggageOf<Baggage = unknown>(
  target: Socket | IncomingMessage,
): Baggage | undefined {
  return brought.get(socketOf(target))?.baggage as Baggage | undefined
}

function socketOf(target: Socket | IncomingMessage): Socket {
  return 'rawHeaders' in target ? target.socket : target
}

/** What the app said of it; undefined where it said nothing. */
export function carriageOf(socket: Socket): LadenCarriage | undefined {
  return carriages.get(socket)
}

/** The head of its upgrade; undefined where it was none of HTTP. */
export function headOfUpgrade(socket: Socket): string | undefined {
  return heads.get(socket)
}

/** What the app says of it cannot be had: it is asked no more, and the connection stays. */
export function giveUpCarrying(socket: Socket): void {
  carriages.delete(socket)
}

/** @param is false where it stays after all */
export function setLeaving(socket: Socket, is: boolean): void {
  if (is) leaving.add(socket)
  else leaving.delete(socket)
}

/** Whether its state is on the way to another process, or there: what is still written to it reaches nobody. */
export function isLeaving(socket: Socket): boolean {
  return leaving.has(socket)
}

/** It came with that. */
export function bring(socket: Socket, what: Brought): void {
  brought.set(socket, what)
}
