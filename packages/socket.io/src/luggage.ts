import type { Client, Handshake, Socket } from './internals.js'
import { lastOffsetOf } from './offsets.js'

/** What goes along of a client in one namespace; its `data` goes as the app's own state. */
export interface Joined {
  readonly nsp: string
  readonly sid: string
  readonly pid?: string
  readonly rooms: readonly unknown[]
  readonly handshake: Handshake
  /** The next id of an event that is to be answered: the answer to an older one may come late. */
  readonly ids: number
  /** The last event that its client has, by which it would recover. */
  readonly offset?: string
}

/** What goes along of a connection, for ourselves. */
export interface Luggage {
  /** What was agreed on in the handshake of the WebSocket. */
  readonly terms: string
  /** In base64. */
  readonly window?: string
  /** Of Engine.IO. */
  readonly id: string
  /** For so long its client hears nothing before it gives up, in ms, by what it was told first. */
  readonly patience: number
  readonly joined: readonly Joined[]
}

/** What Socket.IO says of a handshake. An app may have put there what JSON cannot say. */
const said = [
  'headers',
  'time',
  'address',
  'xdomain',
  'secure',
  'issued',
  'url',
  'query',
  'auth',
] as const

export function plain(handshake: Handshake): Handshake {
  return Object.fromEntries(said.map((name) => [name, handshake[name]]))
}

/** All namespaces in which it is, as they are now. */
export function joinedBy({ nsps }: Client): readonly Joined[] {
  return Array.from(nsps, ([nsp, socket]) => {
    const { id, pid, rooms, handshake } = socket
    const offset = lastOffsetOf(socket)
    return {
      nsp,
      sid: id,
      ...(pid !== undefined && { pid }),
      rooms: [...rooms],
      handshake: plain(handshake),
      ids: socket.nsp._ids,
      ...(offset !== undefined && { offset }),
    }
  })
}

/** What the app keeps there, by namespace. */
export function dataOf({ nsps }: Client): Record<string, unknown> {
  return Object.fromEntries(Array.from(nsps, ([nsp, { data }]) => [nsp, data]))
}

/** A socket that was just made, and is in no namespace yet, is the one of the predecessor. */
export function unpack(socket: Socket, joined: Joined, data: unknown): void {
  const { sid, pid, rooms, handshake, ids } = joined
  const { nsp } = socket
  socket.id = sid
  if (pid !== undefined) socket.pid = pid
  socket.data = data ?? {}
  socket.recovered = true
  Object.assign(socket.handshake, handshake)
  for (const room of rooms) socket.join(room)
  nsp._ids = Math.max(nsp._ids, ids)
}
