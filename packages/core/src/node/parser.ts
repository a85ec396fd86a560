/**
 * Every Node internal of its HTTP parser stands here: `finish`, `execute` and the callbacks, by the
 * numbers that its class names; `_httpMessage`, the response whose turn it is on a connection; and a
 * server's list of its connections. They are the same in Node 20, 22, 24 and 26; `features` and
 * `keepsResponses` test for them.
 */
import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { isTls } from './handle.js'

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
  readonly parser?: Parser | null
  /** Whether http has stopped reading because responses pile up. */
  readonly _paused?: boolean
  readonly _httpMessage?: unknown
}

function internals(socket: Socket): Internals {
  return socket as unknown as Internals
}

/** Whether http still parses this socket; false once it was upgraded (WebSocket, CONNECT). */
export function isParsed(socket: Socket): boolean {
  const { parser } = internals(socket)
  return parser !== null && parser !== undefined
}

/** The response whose turn it is: from the head of its request until all of it is written. */
export function responseOn(socket: Socket): ServerResponse | undefined {
  const { _httpMessage: message } = internals(socket)
  // An app may use the socket of another protocol for a request of its own.
  return message instanceof ServerResponse ? message : undefined
}

/** Whether this Node keeps the response on the socket, so that {@link responseOn} knows it. */
export function keepsResponses(): boolean {
  const socket = new Duplex() as unknown as Socket
  const request = { method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 } as IncomingMessage
  const response = new ServerResponse(request)
  response.assignSocket(socket)
  const isKept = responseOn(socket) === response && response.req === request
  response.detachSocket(socket)
  return isKept && responseOn(socket) === undefined
}

/** Whether this is an HTTP/1 server, whose connections can be between two requests. */
export function speaksHttp(server: Server): boolean {
  return 'closeIdleConnections' in server && typeof server.closeIdleConnections === 'function'
}

/** Whether its connections can be served by another process: what TLS knows is in this one. */
export function isPlainHttp(server: Server): boolean {
  return speaksHttp(server) && !isTls(server)
}

/** Node's list of the connections of an HTTP server. */
interface ConnectionsList {
  idle(): readonly { readonly socket?: Socket | null }[]
}

/**
 * The sockets that Node's http holds for idle: between two requests, no byte of the next one read. Read
 * from the list that `closeIdleConnections` goes by; to see which sockets that destroys would take a
 * property of each, and a socket that had one for an instant is slow from then on.
 * @returns undefined where this Node has no such list, or the server does not listen yet
 */
export function idleOf(server: Server): Set<Socket> | undefined {
  const symbol = Object.getOwnPropertySymbols(server).find(
    ({ description }) => description === 'http.server.connections',
  )
  const list = symbol && (Reflect.get(server, symbol) as Partial<ConnectionsList> | undefined)
  if (typeof list?.idle !== 'function') return undefined
  const idle = new Set<Socket>()
  for (const { socket } of list.idle()) if (socket && !isAnswering(socket)) idle.add(socket)
  return idle
}

/** Whether a response is not ended, by Node's own notion of idle. */
function isAnswering(socket: Socket): boolean {
  const message = internals(socket)._httpMessage as
    | { readonly finished?: boolean }
    | null
    | undefined
  return !!message && !message.finished
}

/**
 * Whether http has read all of a request and nothing of the next, or nothing at all. Unlike
 * {@link idleOf} it costs nothing per other connection.
 */
export function isBetweenRequests(socket: Socket): boolean {
  const { parser, _paused: paused } = internals(socket)
  // A parser that was told to pause does not know.
  return parser?.finish !== undefined && !paused && parser.finish() === undefined
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

/** Lets its parser read half a request. @returns whether the parser says that one has begun */
export function readHalf(socket: Socket): boolean {
  const { parser } = internals(socket)
  if (!parser) return false
  let begun = false
  parser[parser.constructor.kOnMessageBegin] = () => {
    begun = true
  }
  execute(parser, request.subarray(0, request.length / 2))
  return begun
}

/** The head of a response as it went out; undefined where it has not. `writeHead` keeps no headers. */
export function sentHead(response: ServerResponse): string | undefined {
  const { _header: head } = response as unknown as { _header?: unknown }
  return typeof head === 'string' ? head : undefined
}
