/**
 * What is used of the insides of `ws` 8: where its receiver and its sender are, its deflate extension, and what
 * is to be set of one that has moved. The same from 8.0 on, but for `_deflating`, which became a state in 8.18;
 * `understands` tests for it.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex, Writable } from 'node:stream'

/** What parses. */
interface Receiver extends Writable {
  readonly _state: number
  readonly _loop: boolean
  readonly _bufferedBytes: number
  /** The opcode of a message of which only a part came; 0 between two. */
  readonly _fragmented: number
}

/** What frames. */
interface Sender {
  readonly _state?: number
  /** Before 8.18. */
  readonly _deflating?: boolean
  readonly _queue: readonly unknown[]
  readonly _firstFragment: boolean
}

/** permessage-deflate of one connection. */
export interface Deflate {
  readonly params: Readonly<Record<string, unknown>>
  /** Up to 8.18 those of all connections of the server. */
  _options: { readonly zlibInflateOptions?: object }
  decompress(
    data: Buffer,
    fin: boolean,
    callback: (error: Error | null, result?: Buffer) => void,
  ): void
  cleanup(): void
}

/** A WebSocket of `ws`, from inside. */
export interface Inside {
  readonly readyState: number
  readonly protocol: string
  readonly _receiver: Receiver
  readonly _sender: Sender
  readonly _extensions: Readonly<Record<string, Deflate | undefined>>
  _readyState: number
  close(code: number, reason: string): void
  terminate(): void
  send(data: string, options: { readonly fin?: boolean; readonly compress?: boolean }): void
  emit(event: string | symbol, ...values: unknown[]): boolean
  once(event: string, listener: (...values: unknown[]) => void): unknown
  rawListeners(event: string): readonly ((...values: unknown[]) => unknown)[]
}

/** Its server, from inside. */
export interface InsideServer {
  handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    callback: (socket: Inside) => void,
  ): void
}

/** As {@link Inside.readyState} says it. */
const open = 1
const closed = 3

/** From here on a receiver is not done with what it has; below it waits for the next byte. */
const inflating = 5

/**
 * Whether it is between two messages in both directions, with nothing of either on its way through this process.
 * `bufferedAmount` does not tell: it is 0 while an empty message is being deflated.
 */
export function isStill({ readyState, _receiver: receiver, _sender: sender }: Inside): boolean {
  const hasRead =
    receiver._state === 0 &&
    !receiver._loop &&
    receiver._bufferedBytes === 0 &&
    receiver._fragmented === 0 &&
    receiver.writableLength === 0
  const hasWritten =
    (sender._state ?? 0) === 0 &&
    !sender._deflating &&
    sender._queue.length === 0 &&
    sender._firstFragment
  return readyState === open && hasRead && hasWritten
}

/**
 * Whether it is for its client to make it still: by the rest of a message that it has begun, or by its end of a
 * closing handshake.
 */
export function awaitsClient({ readyState, _receiver: receiver }: Inside): boolean {
  const isDone = !receiver._loop && receiver.writableLength === 0 && receiver._state < inflating
  const isBetween =
    receiver._state === 0 && receiver._bufferedBytes === 0 && receiver._fragmented === 0
  return readyState !== open || (isDone && !isBetween)
}

/** Undefined where it was not negotiated. */
export function deflateOf({ _extensions: extensions }: Inside): Deflate | undefined {
  return extensions['permessage-deflate']
}

/** What was agreed on with the client in its handshake: a successor has to agree on the same. */
export function termsOf(socket: Inside): string {
  const { params = {} } = deflateOf(socket) ?? {}
  return JSON.stringify([
    socket.protocol,
    Object.keys(socket._extensions),
    Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1)),
  ])
}

/** It is another process's now: nobody hears of it, and what the app still sends is sent to nobody. */
export function setGone(socket: Inside, clients: Set<unknown>): void {
  clients.delete(socket)
  socket._readyState = closed
  socket._receiver.removeAllListeners()
  deflateOf(socket)?.cleanup()
}
