/**
 * Every Node internal of the handle below an established connection stands here: `readStop`,
 * `readStart` and `reading` of a handle, `onconnection` of a listening one, `_idleStart` of a timer. They are
 * the same in Node 20, 22, 24 and 26; `features` tests for them.
 */
import { Server as NetServer, type Server, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type Handle, handleOf } from './handle.js'

/** libuv's handle of an established connection, as far as it is used. */
interface StreamHandle extends Handle {
  readStart(): number
  readStop(): number
  /** Whether the stream above wants to read: its own note. */
  reading?: boolean
  readonly writeQueueSize?: number
}

/** A listening handle, with what libuv calls for each connection that it accepted. */
interface ListeningHandle extends Handle {
  onconnection?(status: number, client: Handle): void
}

function streamOf(socket: Socket): StreamHandle | null | undefined {
  return (socket as unknown as { readonly _handle?: StreamHandle | null })._handle
}

/** The TCP socket below a TLS socket: `connection` announces that one first. */
export function rawSocketOf(socket: TLSSocket): Socket | undefined {
  const { _parent } = socket as unknown as { _parent?: Socket }
  return _parent
}

/** Whether it has a handle, and is no stream that somebody has put in its place. */
export function isOnHandle(socket: Socket): boolean {
  return !!streamOf(socket)
}

/** What another process gets of it; undefined where it is closed. */
export function handleOn(socket: Socket): Handle | undefined {
  return streamOf(socket) ?? undefined
}

/**
 * How many bytes came; undefined where nobody counts them: Node serves any Duplex that is emitted as a
 * 'connection'.
 */
export function bytesReadOf(socket: Socket): number | undefined {
  return (socket as Partial<Socket>).bytesRead
}

/** Whether all that was written is with the kernel, which keeps it for whoever has the socket. */
export function isFlushed(socket: Socket): boolean {
  return socket.writableLength === 0 && !streamOf(socket)?.writeQueueSize
}

/**
 * How long an idle connection may stay so, in ms, by the timer that ends it; undefined for ever.
 * Node says when a timer was started in a clock of its own, so that a new one tells what is now.
 */
export function restOf(socket: Socket): number | undefined {
  if (!socket.timeout) return undefined
  // Where Node does not say, a client gets all of its time again.
  return Math.max(0, socket.timeout - idleFor(socket))
}

/** How long nothing has come on it, in ms; 0 where Node does not say. */
export function idleFor(socket: Socket): number {
  const symbol = Object.getOwnPropertySymbols(socket).find((one) => one.description === 'timeout')
  const running: unknown = symbol && Reflect.get(socket, symbol)
  const now = setTimeout(() => {}, 1)
  clearTimeout(now)
  const ms = startOf(now) - startOf(running)
  return Number.isFinite(ms) ? ms : 0
}

function startOf(timer: unknown): number {
  return Number((timer as { _idleStart?: unknown } | undefined)?._idleStart)
}

/**
 * Leaves in the kernel what comes from now on, whoever resumes the socket or reads from it: the bytes are
 * perhaps another process's by then.
 * @returns reads on, unless the socket was paused before or meanwhile
 */
export function holdReading(socket: Socket): () => void {
  const handle = streamOf(socket)
  if (!handle) return () => {}
  handle.readStop()
  handle.readStart = () => 0
  return () => {
    Reflect.deleteProperty(handle, 'readStart')
    if (!socket.destroyed && handle.reading !== false) handle.readStart()
  }
}

/** A connection that is not read from: its bytes wait in the kernel. */
export interface Frozen {
  /** Reads on, as if nothing had been. */
  thaw(): void
}

/** Those that are on their way to another process: none of them goes to a second one as well. */
const frozen = new WeakSet<Socket>()

/**
 * Stops reading, and the clock of an idle connection with it. Undefined where it is closed, or frozen by
 * somebody else.
 */
export function freeze(socket: Socket): Frozen | undefined {
  const handle = streamOf(socket)
  const { timeout } = socket
  if (!handle || frozen.has(socket)) return undefined
  frozen.add(socket)
  const readOn = holdReading(socket)
  socket.setTimeout(0)
  return {
    thaw: () => {
      frozen.delete(socket)
      if (timeout !== undefined && !socket.destroyed) socket.setTimeout(timeout)
      readOn()
    },
  }
}

/** What is written from now on stays here, until it is let go or thrown away. @returns lets it go */
export function holdWriting(socket: Socket): () => void {
  socket.cork()
  return () => socket.uncork()
}

/** Closes our fd alone, and nobody but `keep` hears of it: the client has not left. */
export function destroyUnheard(socket: Socket, keep: () => void): void {
  socket.removeAllListeners('close')
  socket.once('close', keep)
  socket.destroy()
}

/** The server that has accepted it. */
export function serverOf(socket: Socket): Server | undefined {
  const { server } = socket as unknown as { server?: unknown }
  return server instanceof NetServer ? server : undefined
}

/** Whether the server would drop one connection more, beside those that are coming. */
export function isFull(server: Server, coming: number): boolean {
  const { _connections: open = 0 } = server as unknown as { _connections?: number }
  return server.maxConnections > 0 && open + coming >= server.maxConnections
}

/** @param before called before anybody else hears of it */
export type Accept = (client: Handle, before?: (socket: Socket) => void) => Socket | undefined

/**
 * What makes a connection of a server as if it had been accepted: Node's own way from libuv to
 * 'connection', with its counts, options and channels. Also good when the server has stopped
 * listening meanwhile.
 * @returns undefined where nobody listens
 */
export function acceptorOf(server: Server): Accept | undefined {
  const listening = handleOf(server) as ListeningHandle | null
  if (!listening?.onconnection) return undefined
  return (client, before) => {
    const { maxConnections } = server
    let accepted: Socket | undefined
    const opened = (socket: Socket): void => {
      accepted = socket
      before?.(socket)
    }
    server.prependOnceListener('connection', opened)
    // It is ours now, and the count is no reason to drop it: there was room when we took it.
    server.maxConnections = Number.POSITIVE_INFINITY
    try {
      listening.onconnection?.(0, client)
    } finally {
      server.maxConnections = maxConnections
      server.off('connection', opened)
    }
    return accepted
  }
}
