/**
 * Every Node internal of an established connection stands here, with the test that says whether
 * this Node has it: `finish`, `execute` and the callbacks of the HTTP parser, `readStop` and
 * `readStart` of a handle, `onconnection` of a listening one, `_idleStart` of a timer. They are the
 * same in Node 20, 22, 24 and 26.
 */
import { createServer } from 'node:http'
import type { Server, Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { type TLSSocket, Server as TlsServer } from 'node:tls'
import { type Handle, handleOf } from './handle.js'

/** libuv's handle of an established connection, as far as it is used. */
interface StreamHandle extends Handle {
  readStart(): number
  readStop(): number
  readonly writeQueueSize?: number
}

/** A listening handle, with what libuv calls for each connection that it accepted. */
interface ListeningHandle extends Handle {
  onconnection?(status: number, client: Handle): void
}

/** Node's HTTP parser, as far as it is used. */
interface Parser {
  readonly constructor: ParserClass
  /** What an end of the stream would mean now: an error inside a message, else nothing. */
  finish?(): unknown
  execute?(bytes: Uint8Array): unknown
  /** Its callbacks, by the numbers that its class names. */
  [callback: number]: unknown
}

type ParserClass = Readonly<
  Record<'kOnMessageBegin' | 'kOnHeadersComplete' | 'kOnMessageComplete', number>
>

interface Internals {
  readonly _handle?: StreamHandle | null
  readonly parser?: Parser | null
  /** Whether http has stopped reading because responses pile up. */
  readonly _paused?: boolean
}

function internals(socket: Socket): Internals {
  return socket as unknown as Internals
}

/** Whether http still parses this socket; false once it was upgraded (WebSocket, CONNECT). */
export function isParsed(socket: Socket): boolean {
  const { parser } = internals(socket)
  return parser !== null && parser !== undefined
}

/** The TCP socket below a TLS socket: `connection` announces that one first. */
export function rawSocketOf(socket: TLSSocket): Socket | undefined {
  const { _parent } = socket as unknown as { _parent?: Socket }
  return _parent
}

interface IdleCloser {
  closeIdleConnections(): void
}

/** Whether this is an HTTP/1 server, whose connections can be between two requests. */
export function speaksHttp(server: Server): server is Server & IdleCloser {
  return 'closeIdleConnections' in server && typeof server.closeIdleConnections === 'function'
}

/** Whether its connections can be served by another process: what TLS knows is in this one. */
export function isPlainHttp(server: Server): boolean {
  return speaksHttp(server) && !(server instanceof TlsServer)
}

/**
 * Which of these sockets Node's http holds for idle: between two requests, no byte of the next one
 * read. Asked by noting on which of them `closeIdleConnections` calls `destroy`.
 */
export function idleAmong<S extends Socket>(server: Server, sockets: Iterable<S>): Set<S> {
  const idle = new Set<S>()
  if (!speaksHttp(server)) return idle
  const patched = [...sockets].map((socket) => ({
    socket,
    own: Object.getOwnPropertyDescriptor(socket, 'destroy'),
  }))
  for (const { socket } of patched)
    socket.destroy = () => {
      idle.add(socket)
      return socket
    }
  try {
    server.closeIdleConnections()
  } finally {
    for (const { socket, own } of patched) {
      Reflect.deleteProperty(socket, 'destroy')
      if (own) Object.defineProperty(socket, 'destroy', own)
    }
  }
  return idle
}

/**
 * Whether http has read all of a request and nothing of the next, or nothing at all. Unlike
 * {@link idleAmong} it costs nothing per other connection.
 */
export function isBetweenRequests(socket: Socket): boolean {
  const { parser, _paused: paused } = internals(socket)
  // A parser that was told to pause does not know.
  return parser?.finish !== undefined && !paused && parser.finish() === undefined
}

/** Whether all that was written is with the kernel, which keeps it for whoever has the socket. */
export function isFlushed(socket: Socket): boolean {
  return socket.writableLength === 0 && !internals(socket)._handle?.writeQueueSize
}

/**
 * How long an idle connection may stay so, in ms, by the timer that ends it; undefined for ever.
 * Node says when a timer was started in a clock of its own, so that a new one tells what is now.
 */
export function restOf(socket: Socket): number | undefined {
  if (!socket.timeout) return undefined
  const symbol = Object.getOwnPropertySymbols(socket).find((one) => one.description === 'timeout')
  const running: unknown = symbol && Reflect.get(socket, symbol)
  const now = setTimeout(() => {}, 1)
  clearTimeout(now)
  const idleFor = startOf(now) - startOf(running)
  // Where Node does not say, a client gets all of its time again.
  return Math.max(0, socket.timeout - (Number.isFinite(idleFor) ? idleFor : 0))
}

function startOf(timer: unknown): number {
  return Number((timer as { _idleStart?: unknown } | undefined)?._idleStart)
}

/** Leaves in the kernel what comes from now on. @returns reads on */
export function holdReading(socket: Socket): () => void {
  internals(socket)._handle?.readStop()
  return () => {
    if (!socket.destroyed) internals(socket)._handle?.readStart()
  }
}

/** A connection that is not read from: its bytes wait in the kernel. */
export interface Frozen {
  readonly handle: StreamHandle
  /** Reads on, as if nothing had been. */
  thaw(): void
}

/** Stops reading, and the clock of an idle connection with it. Undefined where it is closed. */
export function freeze(socket: Socket): Frozen | undefined {
  const handle = internals(socket)._handle
  const { timeout } = socket
  if (!handle) return undefined
  const readOn = holdReading(socket)
  socket.setTimeout(0)
  return {
    handle,
    thaw: () => {
      if (timeout !== undefined && !socket.destroyed) socket.setTimeout(timeout)
      readOn()
    },
  }
}

/** Whether the server would drop one connection more, beside those that are coming. */
export function isFull(server: Server, coming: number): boolean {
  const { _connections: open = 0 } = server as unknown as { _connections?: number }
  return server.maxConnections > 0 && open + coming >= server.maxConnections
}

/**
 * What makes a connection of a server as if it had been accepted: Node's own way from libuv to
 * 'connection', with its counts, options and channels. Also good when the server has stopped
 * listening meanwhile.
 * @returns undefined where nobody listens
 */
export function acceptorOf(server: Server): ((client: Handle) => Socket | undefined) | undefined {
  const listening = handleOf(server) as ListeningHandle | null
  if (!listening?.onconnection) return undefined
  return (client) => {
    const { maxConnections } = server
    let accepted: Socket | undefined
    const opened = (socket: Socket): void => {
      accepted = socket
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

/**
 * How long an adopted connection may stay idle at least, in ms: a request may have come while it
 * was on its way, and the clock must not strike before that is read.
 */
const grace = 1_000

/** The shortest request. */
const request = Buffer.from('GET / HTTP/1.1\r\n\r\n')

/**
 * Tells the parser of a new connection that it is between two requests. A parser takes a new
 * connection for one whose first head is late (408 after `headersTimeout`); it has to have read a
 * request to be idle, so it reads one of ours, unheard by anybody.
 * @param rest how long it may stay idle, in ms
 */
export function settle(server: Server, socket: Socket, rest: number | undefined): void {
  const { parser } = internals(socket)
  if (!parser) return
  execute(parser, request)
  if (rest === undefined) return
  socket.setTimeout(Math.max(grace, rest))
  const { kOnMessageBegin } = parser.constructor
  parser[kOnMessageBegin] = () => {
    parser[kOnMessageBegin] = null
    // As Node does it for a connection of its own, there when the head is complete.
    socket.setTimeout(timeoutOf(server))
  }
}

function timeoutOf(server: Server): number {
  return 'timeout' in server && typeof server.timeout === 'number' ? server.timeout : 0
}

/** Lets a parser read, and nobody hear of it. */
function execute(parser: Parser, bytes: Uint8Array): void {
  const { kOnHeadersComplete, kOnMessageComplete } = parser.constructor
  const callbacks = [kOnHeadersComplete, kOnMessageComplete].map((at) => [at, parser[at]] as const)
  for (const [at] of callbacks) parser[at] = undefined
  try {
    parser.execute?.(bytes)
  } finally {
    for (const [at, callback] of callbacks) parser[at] = callback
  }
}

/**
 * What this Node lacks for moving connections.
 * @param listening what they are accepted on: their own handles are of the same class
 */
export function missingForMigration(listening: Iterable<Handle>): string[] {
  const missing = new Set<string>()
  for (const handle of listening)
    for (const name of ['readStart', 'readStop', 'onconnection'])
      if (!(name in handle)) missing.add(`${name} of a handle`)
  if (!knowsBetween()) missing.add('HTTP parser that tells whether it is between two requests')
  return [...missing]
}

/** Settles a connection, lets it read half a request, and looks whether Node agrees each time. */
function knowsBetween(): boolean {
  const server = createServer()
  const socket = new Duplex({ read() {}, write: (_, __, done) => done() }) as unknown as Socket
  // Node finds idle connections only on a server that listens, or believes that it does.
  server.emit('listening')
  server.emit('connection', socket)
  const { parser } = internals(socket)
  const agrees = (between: boolean): boolean =>
    isBetweenRequests(socket) === between && idleAmong(server, [socket]).has(socket) === between
  try {
    settle(server, socket, undefined)
    const settled = agrees(true)
    let begun = false
    if (parser)
      parser[parser.constructor.kOnMessageBegin] = () => {
        begun = true
      }
    if (parser) execute(parser, request.subarray(0, request.length / 2))
    return settled && begun && agrees(false)
  } catch {
    return false
  } finally {
    socket.destroy()
    server.close()
  }
}
