import type { ServerHttp2Session } from 'node:http2'
import type { Server, Socket } from 'node:net'
import type { Exchange } from './exchange.js'

/** An accepted connection. */
export interface Connection {
  readonly socket: Socket
  readonly server: Server
  /** How many requests came on it, those that predecessors answered among them. */
  requests: number
  /** How many of them predecessors answered. */
  adopted: number
  /** Requests that are being answered, oldest first: more than one when they are pipelined. */
  readonly exchanges: Exchange[]
  /** Where it speaks HTTP/2. */
  session?: ServerHttp2Session
}
