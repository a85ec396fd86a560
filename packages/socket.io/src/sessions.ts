/**
 * Socket.IO's own recovery (`connectionStateRecovery`) by another process: what the in-memory adapter keeps of a client
 * that has to reconnect goes ahead of it.
 */
import type { Client, InsideServer, Socket } from './internals.js'
import { hold, keptFor } from './offsets.js'
import { type Parcel, unwrap, wrap } from './parcel.js'

/** Its client may have missed so many of the last events, at most. */
const most = 100
/** EVENT, as Socket.IO numbers packets. */
const event = 2

/** A client in one namespace that has to come back. */
export interface Session {
  readonly nsp: string
  readonly sid: string
  readonly pid: string
  readonly rooms: readonly unknown[]
  readonly data: unknown
  readonly events: readonly { readonly id: string; readonly parcel: Parcel }[]
}

/** One for each namespace in which it could recover. */
export function sessionsOf(io: InsideServer, { sockets }: Client): readonly Session[] {
  return [...sockets.values()].flatMap((socket) => sessionOf(io, socket) ?? [])
}

function sessionOf(io: InsideServer, socket: Socket): Session | undefined {
  const { id: sid, pid, rooms, data, nsp } = socket
  const kept = keptFor(socket)
  if (pid === undefined || !kept) return undefined
  const events = kept.slice(-most).map(({ id, data: values }) => ({
    id,
    parcel: wrap(io, { type: event, nsp: nsp.name, data: values }),
  }))
  return { nsp: nsp.name, sid, pid, rooms: [...rooms], data, events }
}

/** It may recover here. */
export function keep(io: InsideServer, session: Session): void {
  const { nsp: name, sid, pid, rooms, data, events } = session
  const nsp = io._nsps.get(name)
  if (!nsp) return
  for (const { id, parcel } of events) {
    const packet = unwrap(io, parcel)
    if (packet && Array.isArray(packet.data)) hold(nsp, sid, id, packet.data)
  }
  nsp.adapter.persistSession({ sid, pid, rooms, data })
}
