/**
 * Every Node internal of a listening socket stands here: `_handle`, `_listen2`, `_connectionKey` and
 * `_createServerHandle`. They are the same in Node 20, 22, 24 and 26 (`features` tests for them);
 * `_listen2` keeps its name in Node's source "to avoid breaking code that wraps this method", as we do.
 */
import { chmodSync } from 'node:fs'
import net from 'node:net'
import type { Server as TlsServer } from 'node:tls'
import type { Asked, ListenAddress } from './address.js'
import { modeOf } from './stat.js'

/** libuv's handle of a bound socket, as far as it is used. */
export interface Handle {
  readonly fd: number
  listen(backlog: number): number
  close(): void
  getsockname?(out: object): number
}

/** One call of `listen()`, once Node has read its arguments and looked the host up. */
export interface ListenCall extends Asked {
  readonly addressType: number | null
  readonly backlog: number | undefined
  readonly flags: number | undefined
}

type Listen2 = (
  this: net.Server,
  address: string | null,
  port: number | null,
  addressType: number | null,
  backlog?: number,
  fd?: number,
  flags?: number,
) => void

interface ServerInternals {
  _handle: Handle | null
  _listen2: Listen2
  _connectionKey?: string
}

interface NetInternals {
  _createServerHandle(
    address: string | null,
    port: number | null,
    addressType: number | null,
    fd?: number,
    flags?: number,
  ): Handle | number
}

const nodeBacklog = 511
/** UV_READABLE and UV_WRITABLE. */
const uvReadable = 1
const uvWritable = 2

function internals(server: net.Server): ServerInternals {
  return server as unknown as ServerInternals
}

/**
 * Puts `take` between the arguments of `listen()` and the binding of the socket. `take` gets what
 * was asked for, and `proceed`, which does what Node would have done (with the handle that
 * {@link setHandle} put there, where there is one).
 * @returns takes it out again
 */
export function interceptListen(
  server: net.Server,
  take: (call: ListenCall, proceed: () => void) => void,
): () => void {
  const inner = internals(server)
  const original = inner._listen2
  inner._listen2 = (address, port, addressType, backlog, fd, flags) => {
    const { _handle: own } = inner
    take({ address, port, addressType, backlog, fd, flags }, () => {
      // Bound before, by us: Node has not seen what "every address" came to.
      const isUnseen = !own && address === null && typeof fd !== 'number'
      const [host, type] = (isUnseen && wildcardOf(inner._handle)) || [address, addressType]
      original.call(server, host, port, type, backlog, fd, flags)
    })
  }
  return () => {
    inner._listen2 = original
  }
}

/**
 * Tells of each call of `listen()`: before it reads its arguments, and looks up the host, which takes a while.
 * @param called returns what to call when it throws
 * @returns takes it out again
 */
export function watchListen(server: net.Server, called: () => () => void): () => void {
  const original = server.listen
  const own = Object.hasOwn(server, 'listen')
  const watched = function (this: net.Server, ...args: unknown[]): net.Server {
    const threw = called()
    try {
      return Reflect.apply(original, this, args) as net.Server
    } catch (error) {
      threw()
      throw error
    }
  }
  server.listen = watched as typeof server.listen
  return () => {
    // Another wrapper may stand on ours by now; then it has to stay, and does no harm.
    if (server.listen !== watched) return
    if (own) server.listen = original
    else Reflect.deleteProperty(server, 'listen')
  }
}

/** What Node makes of "every address" where it binds itself, for its name of the server and its errors. */
function wildcardOf(handle: Handle | null): [string, number] | undefined {
  const bound = handle ? boundAddress(handle) : undefined
  if (typeof bound !== 'object') return undefined
  return bound.family === 'IPv6' ? ['::', 6] : ['0.0.0.0', 4]
}

/** Brings a closed server back to life on a handle that came over IPC. */
export function listenOn(server: net.Server, handle: Handle, backlog: number | undefined): void {
  const inner = internals(server)
  const { _connectionKey: key } = inner
  inner._handle = handle
  // Not server.listen(handle): for a pipe that opens a second handle on the same fd, and the first
  // one's close() would then close an fd that is no longer its own.
  const listen2 = internals(net.Server.prototype)._listen2
  listen2.call(server, null, -1, -1, backlog)
  if (key !== undefined) inner._connectionKey = key
}

/** Binds what was asked for without listening; an errno (negative) where that fails. */
export function bind(call: ListenCall): Handle | number {
  const create = (net as unknown as NetInternals)._createServerHandle
  if (call.address === null && typeof call.fd !== 'number') {
    // As Node does for "every address": IPv6 with IPv4 in it, or IPv4 where there is no IPv6.
    const both = create('::', call.port, 6, undefined, call.flags)
    return typeof both === 'number' ? create('0.0.0.0', call.port, 4, undefined, call.flags) : both
  }
  return create(call.address, call.port, call.addressType, call.fd, call.flags)
}

/** A handle on an inherited, already bound fd; an errno where the fd is no stream socket. */
export function openFd(fd: number): Handle | number {
  return (net as unknown as NetInternals)._createServerHandle(null, null, null, fd)
}

/** Not by its class: that would load TLS, some ms of every start, where nobody speaks it. */
export function isTls(server: net.Server): server is TlsServer {
  return 'setSecureContext' in server
}

export function handleOf(server: net.Server): Handle | null {
  return internals(server)._handle
}

/** Lets `readableAll` and `writableAll` change the mode of this file: libuv's way of it. */
export function redirectChmod(handle: Handle, path: string): void {
  const pipe = handle as { fchmod?(mode: number): number }
  pipe.fchmod = (mode) => {
    const readable = mode & uvReadable ? 0o444 : 0
    const writable = mode & uvWritable ? 0o222 : 0
    chmodSync(path, modeOf(path) | readable | writable)
    return 0
  }
}

export function setHandle(server: net.Server, handle: Handle | null): void {
  internals(server)._handle = handle
}

/** The bound address of a handle; undefined for a Unix socket, and for a binding that failed late. */
export function boundAddress(handle: Handle): ListenAddress | undefined {
  const out: Partial<net.AddressInfo> = {}
  if (handle.getsockname?.(out) !== 0) return undefined
  const { address, family, port } = out
  return address !== undefined && family !== undefined && port !== undefined
    ? { address, family, port }
    : undefined
}

/** Whether a bound handle has an error that libuv keeps back until listen() (EADDRINUSE). */
export function bindFailed(handle: Handle): boolean {
  return handle.getsockname !== undefined && handle.getsockname({}) !== 0
}

/**
 * Lets a server believe that it listens while it accepts nothing: the handle's `listen` is kept
 * back. A libuv handle that listens accepts, there is no pause, so this is the only gate.
 * @returns opens the gate; gives an errno where the kernel refuses
 */
export function holdAccept(handle: Handle): () => number {
  let backlog = nodeBacklog
  const held = handle as { listen?: Handle['listen'] }
  held.listen = (asked) => {
    backlog = asked
    return handle.getsockname?.({}) ?? 0
  }
  return () => {
    delete held.listen
    return handle.listen(backlog)
  }
}

/**
 * Stops accepting and leaves every connection alone. `http.Server#close()` (Node 19 and up) would
 * destroy the idle ones, each with a request on its way to be reset.
 */
export function stopAccepting(server: net.Server): void {
  net.Server.prototype.close.call(server)
}

/**
 * An app that closes a server which we have stopped hears of its end, and not that it runs no more: the usual
 * `server.close((error) => process.exit(error ? 1 : 0))` is right under us, too.
 * @returns from here on Node answers again
 */
export function answerClose(server: net.Server): () => void {
  const own = Object.getOwnPropertyDescriptor(server, 'close')
  let isClosed = false
  const noteClose = (): void => {
    isClosed = true
  }
  server.once('close', noteClose)
  server.close = (closed?: (error?: Error) => void) => {
    if (closed && isClosed) process.nextTick(closed)
    else if (closed) server.once('close', () => closed())
    return server
  }
  return () => {
    server.off('close', noteClose)
    Reflect.deleteProperty(server, 'close')
    if (own) Object.defineProperty(server, 'close', own)
  }
}

/** The fd in a socket, a server, a dgram socket or an `fs.FileHandle`; -1 where there is none. */
export function fdIn(file: object): number {
  // dgram keeps its handle behind a symbol, and warns who reads its `_handle`.
  const symbol = Object.getOwnPropertySymbols(file).find((s) => s.description === 'state symbol')
  const holder: unknown = symbol ? Reflect.get(file, symbol) : file
  const handle: unknown = isObject(holder)
    ? (Reflect.get(holder, symbol ? 'handle' : '_handle') ?? holder)
    : undefined
  const fd: unknown = isObject(handle) ? Reflect.get(handle, 'fd') : undefined
  return typeof fd === 'number' ? fd : -1
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
