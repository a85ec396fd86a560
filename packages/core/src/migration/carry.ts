import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { EndlessError } from '../errors.js'
import { headOf, isParsed, isTls, serverOf, speaksHttp } from '../node/index.js'
import { arrived } from '../talk/index.js'
import { Answering, checkAnswer } from './answering.js'

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
  /**
   * Called when the successor has it. The client has not left: there is no 'close' here then, of the socket, or of a
   * response and its request.
   */
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
export interface Brought {
  readonly state?: unknown
  readonly baggage?: unknown
  /** Of a response: what its client has of its head. */
  readonly answer?: string
}

/** What is said of a connection that is here. */
interface Said {
  readonly carriage: LadenCarriage
  /** Of one that HTTP has upgraded: the head of that request. */
  readonly head?: string
  /** The response that it is at, and that may go on in the successor. */
  readonly answering?: Answering
}

const words = ['busy', 'state', 'gone', 'baggage', 'awaits']
const said = new WeakMap<Socket, Said>()
/** On their way with their state, or gone. */
const leaving = new WeakSet<Socket>()
/** Of sockets that came from the predecessor, or of the request that came with one. */
const brought = new WeakMap<Socket | IncomingMessage, Brought>()

/**
 * Lets a connection move to the successor at an upgrade, with what the app knows of it: one of a `net.Server`, in a
 * protocol of your own, or one that HTTP has upgraded, by its request. The successor's server emits 'connection'
 * for it, as for a new one, and for an upgraded one 'upgrade' with the same request: what it answers to that is not
 * sent, and has to be a 101 again. {@link carried} tells it from a new one. A connection that does not get quiet,
 * or whose `state()` throws or is larger than `carryLimit`, stays and drains; the log says so.
 *
 * A response in progress is carried by itself: the successor's server emits 'request' for it, with the same request,
 * and the response there goes on where this one was, between two writes. Its head is sent once: it has to have the
 * same status, type and length there. For a request without a body, and a response that nothing compresses.
 *
 * Throws `ERR_ENDLESS_OPTION` for a bad argument, and `ERR_ENDLESS_UNSUPPORTED` for a connection that HTTP has
 * still, which moves by itself between two requests, for a request with a body, and over HTTP/2 or TLS, whose keys are
 * in this process.
 *
 * @param target the socket that a `net.Server` has accepted, the request of an 'upgrade', or a response
 */
export function carry(
  target: Socket | IncomingMessage | ServerResponse,
  carriage: Carriage = {},
): void {
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
  if (target instanceof ServerResponse) return carryAnswer(target, carriage)
  const socket = socketOf(target)
  checkSocket(socket, target !== socket)
  const head = target === socket ? undefined : headOf(target as IncomingMessage)
  said.set(socket, { carriage, ...(head !== undefined && { head }) })
}

/** Until it is over. */
function carryAnswer(response: ServerResponse, carriage: Carriage): void {
  const { socket } = response.req
  if (!checkAnswer(response) || response.writableEnded || socket.destroyed) return
  const answering = new Answering(response, brought.get(response.req)?.answer ?? '')
  const busy = (): boolean => !answering.isStill || (carriage.busy?.() ?? false)
  said.set(socket, { carriage: { ...carriage, busy }, answering })
  response.once('close', () => {
    // Of several that are pipelined, the last one's.
    if (answeringOn(socket) === answering) said.delete(socket)
  })
  // What channels said while it was on its way comes before anything else.
  arrived(socket, response)
}

function checkSocket(socket: Socket, isUpgrade: boolean): void {
  const server = serverOf(socket)
  if (server && !isTls(server) && !speaksHttp(server)) return
  if (server && !isTls(server) && isUpgrade && !isParsed(socket)) return
  throw new EndlessError(
    'ERR_ENDLESS_UNSUPPORTED',
    'carry(): expected a connection that a net.Server has accepted, the request of one that HTTP has upgraded, or a ' +
      'response of HTTP/1; one of HTTP moves by itself between two requests, and one of TLS cannot move, since its ' +
      'keys are in this process',
  )
}

/**
 * What `state()` returned in the predecessor, where a connection came from there; undefined for a new client, or
 * where there was no `state`. No client can forge it. Its shape is what another release made of it.
 *
 * @param target as of {@link carry}
 */
export function carried<State = unknown>(
  target: Socket | IncomingMessage | ServerResponse,
): State | undefined {
  const request = target instanceof ServerResponse ? target.req : target
  return (brought.get(request) ?? brought.get(socketOf(request)))?.state as State | undefined
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
  return said.get(socket)?.carriage
}

/** The head of the request that is replayed; undefined where it is none of HTTP, and was none. */
export function headToReplay(socket: Socket): string | undefined {
  const { head, answering } = said.get(socket) ?? {}
  return head ?? answering?.head
}

/** The response that it is at, and that may go on in the successor. */
export function answeringOn(socket: Socket): Answering | undefined {
  return said.get(socket)?.answering
}

/** What the app says of it cannot be had: it is asked no more, and the connection stays. */
export function giveUpCarrying(socket: Socket): void {
  said.delete(socket)
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
export function bring(one: Socket | IncomingMessage, what: Brought): void {
  brought.set(one, what)
}
