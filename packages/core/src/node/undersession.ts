/**
 * A stream of ours between an HTTP/2 session and its socket, for a frame that nghttp2 does not write. A
 * session owns the handle of its socket: Node ends the process over a write that is not the session's own
 * (`OnStreamAfterWrite`). So the session gets a `JSStream`, which is what Node itself gives it where a
 * socket has no handle, and the socket stays what it is for everybody else. It costs two crossings between
 * C++ and JavaScript for each read and each write.
 */
import type { ServerHttp2Session } from 'node:http2'
import { type Server, Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'

// HTTP/2 and TLS cost some ms of a start: they are there where the app has a server of theirs.
const { getBuiltinModule: builtin } = process

/** What Node calls a StreamBase, as far as a session uses it. */
interface StreamHandle {
  readonly isStreamBase?: boolean
  /** Told of what was read, or, without an argument, that nothing more can be. */
  onread: (chunk?: ArrayBuffer) => unknown
  readStart(): number
  readStop(): number
}

/** Node's stream whose ends are functions. */
interface JsStream extends StreamHandle {
  isClosing: () => boolean
  onreadstart: () => number
  onreadstop: () => number
  onwrite: (request: object, buffers: readonly Uint8Array[]) => number
  onshutdown: (request: object) => number
  readBuffer(chunk: Uint8Array): void
  finishWrite(request: object, status: number): void
  finishShutdown(request: object, status: number): void
}

type JsStreamClass = new () => JsStream

/** libuv's ECANCELED, which Node reports of a write on a socket that is gone. */
const canceled = -125
const sockets = new WeakMap<ServerHttp2Session, Socket>()
let found: JsStreamClass | null | undefined

/** Whether this Node has what `standUnderSessions` needs. */
export function canStandUnder(): boolean {
  return jsStreamClass() !== null
}

/**
 * Stands under each session that this server makes from now on.
 * @param isWanted asked for each connection
 * @returns steps aside for sessions to come
 */
export function standUnderSessions(server: Server, isWanted: () => boolean): () => void {
  if (!speaksHttp2(server)) return () => {}
  const connected = server instanceof builtin('node:tls').Server ? 'secureConnection' : 'connection'
  let making: Exchange | undefined
  const connecting = (socket: Socket): void => {
    const isOther = 'encrypted' in socket && (socket as TLSSocket).alpnProtocol !== 'h2'
    if (!isOther && socket instanceof Socket && isWanted()) making = new Exchange(socket)
  }
  const made = (session: ServerHttp2Session): void => {
    const socket = making?.finish()
    if (socket) sockets.set(session, socket)
    making = undefined
  }
  server.prependListener(connected, connecting)
  server.prependListener('session', made)
  return () => {
    server.off(connected, connecting)
    server.off('session', made)
  }
}

export function standsUnder(session: ServerHttp2Session): boolean {
  return sockets.has(session)
}

/** Writes frames that the session under which we stand knows nothing of, between two of its own. */
export function writeUnder(session: ServerHttp2Session, frames: Uint8Array): void {
  const socket = sockets.get(session)
  // Each write of a session ends with a frame, and the socket keeps the order.
  if (socket?.writable) socket.write(frames)
}

/** Puts another handle into a socket while Node's session looks for one there. */
class Exchange {
  readonly #socket: Socket & { _handle?: StreamHandle | null }
  #restore: (() => void) | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('newListener', this.#listens)
    // Where no session is made of it.
    process.nextTick(() => this.finish())
  }

  /** @returns the socket, where a session took the other handle */
  finish(): Socket | undefined {
    this.#socket.off('newListener', this.#listens)
    const restore = this.#restore
    this.#restore = undefined
    restore?.()
    return restore && this.#socket
  }

  /** The session listens for errors, and takes the handle next. Whoever came before it had the right one. */
  readonly #listens = (event: string | symbol, { name }: { name: string }): void => {
    const handle = this.#socket._handle
    const Stream = jsStreamClass()
    if (event !== 'error' || name !== 'socketOnError' || this.#restore) return
    if (!handle?.isStreamBase || !Stream) return
    this.#socket._handle = between(this.#socket, handle, new Stream())
    this.#restore = () => {
      this.#socket._handle = handle
      // The session has asked for it in vain.
      this.#socket.setNoDelay()
    }
  }
}

/** Joins both ends. */
function between(socket: Socket, handle: StreamHandle, stream: JsStream): JsStream {
  const { onread } = handle
  let writing: object | undefined
  const written = (request: object, status: number): void => {
    if (writing !== request) return
    writing = undefined
    stream.finishWrite(request, status)
  }
  // Where Node puts what it has read; the end goes its own way. Before that Node 26 hands over room, and
  // says where in it the bytes are to itself alone.
  const { push } = socket
  socket.push = (chunk: Buffer | null) => {
    if (chunk === null) return Reflect.apply(push, socket, [null]) as boolean
    stream.readBuffer(chunk)
    return true
  }
  // Of what comes when the session has let go.
  stream.onread = (chunk) => {
    Reflect.deleteProperty(socket, 'push')
    return Reflect.apply(onread, handle, [chunk])
  }
  stream.isClosing = () => socket.destroyed
  stream.onreadstart = () => (socket.destroyed ? 0 : handle.readStart())
  stream.onreadstop = () => (socket.destroyed ? 0 : handle.readStop())
  stream.onshutdown = (request) => {
    setImmediate(() => stream.finishShutdown(request, 0))
    return 0
  }
  stream.onwrite = (request, buffers) => {
    writing = request
    // Not before this call is over: Node holds the request until then.
    const done = (error?: Error | null): void =>
      void setImmediate(written, request, error ? canceled : 0)
    if (!socket.writable) done(new Error('gone'))
    else {
      socket.cork()
      for (const one of buffers.slice(0, -1)) socket.write(one)
      socket.write(buffers.at(-1) as Uint8Array, done)
      socket.uncork()
    }
    return 0
  }
  // Before the session hears of it: one that waits for a write never ends.
  socket.prependListener('close', () => {
    if (writing) written(writing, canceled)
  })
  return stream
}

/** Its sessions are made while it hears of a connection. By name: Node exports neither class. */
function speaksHttp2(server: Server): boolean {
  for (let of: unknown = server; of; of = Object.getPrototypeOf(of))
    if (/^Http2(Secure)?Server$/.test(Object(of).constructor.name)) return true
  return false
}

/** Of the stream that Node makes for a session whose socket has no handle. */
function jsStreamClass(): JsStreamClass | null {
  if (found !== undefined) return found
  const duplex = new Duplex({ read() {}, write: (_, __, done) => done() })
  const session = builtin('node:http2').connect('http://localhost', {
    createConnection: () => duplex,
  })
  session.on('error', () => {})
  const { _handle: handle } = session.socket as unknown as { _handle?: StreamHandle }
  session.destroy()
  const methods = ['readBuffer', 'finishWrite', 'finishShutdown', 'onread']
  const fits = handle?.isStreamBase && methods.every((name) => name in handle)
  found = fits ? (handle.constructor as JsStreamClass) : null
  return found
}
