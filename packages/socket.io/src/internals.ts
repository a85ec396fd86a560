/**
 * What is used of the insides of Socket.IO 4.6 to 4.8, of its Engine.IO (6.4 to 6.6) and of its in-memory adapter
 * (2.5). The same in all of them; `understands` tests for it. 4.6 is the first that makes a socket apart from the
 * namespace that it joins (`_createSocket`).
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Inside } from '@endlessjs/ws/inside'

type Listener = (...values: never[]) => unknown

/** As far as it is used of an EventEmitter. */
interface Emitter {
  on(event: string, listener: Listener): unknown
  once(event: string, listener: Listener): unknown
  off(event: string, listener: Listener): unknown
  prependListener(event: string, listener: Listener): unknown
  emit(event: string, ...values: unknown[]): boolean
}

/** A request, as Engine.IO hands it on. */
export type EngineRequest = IncomingMessage & {
  readonly _query: Readonly<Record<string, unknown>>
  readonly originalUrl?: unknown
}

/** By what a client is connected. */
export interface Transport {
  readonly name: string
  readonly writable: boolean
  /** Of the websocket transport. */
  readonly socket?: Inside
  readyState: string
}

/** A socket of Engine.IO. */
export interface Conn extends Emitter {
  readonly id: string
  readonly protocol: number
  readonly transport: Transport
  readonly upgrading: boolean
  readonly packetsFn: readonly unknown[]
  readonly writeBuffer: unknown[]
  readonly pingIntervalTimer: NodeJS.Timeout | null
  readonly pingTimeoutTimer: NodeJS.Timeout | null
  readyState: string
  sendPacket(type: string): void
  close(): void
}

/** The server of Engine.IO. */
export interface Engine extends Emitter {
  readonly clients: Record<string, Conn>
  clientsCount: number
  readonly opts: { readonly pingInterval: number; readonly pingTimeout: number }
  /** Of the class that is said in `wsEngine`. */
  readonly ws?: object
  generateId: (request: IncomingMessage) => string | PromiseLike<string>
  handleUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  onWebSocket: (request: EngineRequest, socket: Duplex, websocket: Inside) => void
}

/** A packet of Socket.IO. */
export interface Packet {
  readonly type: number
  readonly nsp: string
  readonly data?: unknown
  /** Of one that is to be answered. */
  readonly id?: unknown
}

/** CONNECT and CONNECT_ERROR; the client says the first, the server both. */
export const connect = 0
export const connectError = 4

/** All that Socket.IO has of one connection. */
export interface Client {
  readonly conn: Conn
  readonly sockets: Map<unknown, Socket>
  readonly nsps: Map<string, Socket>
  /** Of the parser that the app has chosen. */
  readonly decoder: { readonly reconstructor?: unknown }
  connect: (name: string, auth?: object) => void
  _packet: (packet: Packet, options?: object) => void
  destroy(): void
}

/** What a client has said when it joined, and how it came. */
export type Handshake = Record<string, unknown>

/** A client in one namespace. */
export interface Socket {
  id: string
  pid?: string | undefined
  data: unknown
  recovered: boolean
  connected: boolean
  readonly handshake: Handshake
  readonly client: Client
  readonly nsp: Namespace
  readonly rooms: ReadonlySet<unknown>
  readonly acks: Map<unknown, unknown>
  ack: (id: unknown) => (...values: unknown[]) => void
  registerAckCallback: (id: unknown, ack: (...values: unknown[]) => unknown) => void
  dispatch: (event: readonly unknown[]) => void
  run(event: readonly unknown[], done: (error?: unknown) => void): void
  join(room: unknown): unknown
  rawListeners(event: unknown): readonly ((...values: unknown[]) => unknown)[]
  _onerror(error: unknown): void
  _cleanup(): void
}

/** Which sockets are meant. */
export interface Targets {
  readonly rooms: ReadonlySet<unknown>
  readonly except?: ReadonlySet<unknown>
  readonly flags?: object | undefined
}

/** What knows the rooms of a namespace. */
export interface Adapter {
  /** Of the in-memory one with `connectionStateRecovery`: the last events. */
  readonly packets?: unknown
  broadcast: (packet: Packet, targets: Targets) => void
  /** @param count of the clients that were told @param ack called with each answer, as a method of its socket */
  broadcastWithAck: (
    packet: Packet,
    targets: Targets,
    count: (clients: number) => void,
    ack: (this: Socket, value: unknown) => void,
  ) => void
  /** Sockets, and what is told of those of other processes. */
  fetchSockets: (targets: Targets) => Promise<readonly object[]>
  /** @param event its name, and its values; an ack at the end */
  serverSideEmit: (event: unknown[]) => unknown
  addSockets: (targets: Targets, rooms: unknown) => void
  delSockets: (targets: Targets, rooms: unknown) => void
  disconnectSockets: (targets: Targets, close: unknown) => void
  persistSession(session: object): void
}

/** A namespace. */
export interface Namespace extends Emitter {
  readonly name: string
  readonly adapter: Adapter
  readonly sockets: ReadonlyMap<unknown, Socket>
  _ids: number
  _onServerSideEmit(event: readonly unknown[]): void
  _createSocket: (client: Client, auth: object) => Promise<Socket>
  _remove(socket: Socket): void
}

/** Its server. */
export interface InsideServer {
  readonly engine: Engine
  readonly sockets: Namespace
  readonly _path: string
  readonly _parser: {
    readonly Decoder: new () => Emitter & { add(part: unknown): void }
  }
  readonly _nsps: ReadonlyMap<string, Namespace>
  readonly encoder: { encode(packet: Packet): readonly unknown[] }
  _checkNamespace(name: string, auth: object, done: (namespace: unknown) => void): void
}

/** Whether nothing of it is on its way through Engine.IO. */
export function isQuiet({
  readyState,
  upgrading,
  transport,
  writeBuffer,
  packetsFn,
}: Conn): boolean {
  return (
    readyState === 'open' &&
    !upgrading &&
    transport.name === 'websocket' &&
    transport.writable &&
    writeBuffer.length === 0 &&
    packetsFn.length === 0
  )
}

/** Whether it is between two packets, with no answer that is waited for from its client. */
export function isAnswered({ decoder, sockets }: Client): boolean {
  if (decoder.reconstructor) return false
  for (const { acks } of sockets.values()) if (acks.size > 0) return false
  return true
}

/** It is another process's now: it has left nothing here, and nobody hears that it disconnects. */
export function forget(engine: Engine, conn: Conn, client: Client): void {
  for (const socket of client.sockets.values()) {
    socket._cleanup()
    // 4.6 does not do it there.
    socket.nsp._remove(socket)
    socket.connected = false
  }
  client.sockets.clear()
  client.nsps.clear()
  client.destroy()
  for (const timer of [conn.pingIntervalTimer, conn.pingTimeoutTimer])
    if (timer) clearTimeout(timer)
  conn.readyState = 'closed'
  conn.transport.readyState = 'closed'
  if (engine.clients[conn.id] !== conn) return
  delete engine.clients[conn.id]
  engine.clientsCount--
}
