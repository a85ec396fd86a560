/**
 * Socket.IO's own recovery, where the app has `connectionStateRecovery`: the in-memory adapter keeps the events of the
 * last minutes, and a client that comes back says the last one that it has. Of a client that moved that one is in
 * another process, so a mark of it stands here, at the place from which on it has everything.
 */
import type { Namespace, Socket } from './internals.js'

/** An event that is kept. */
interface Kept {
  readonly id: string
  readonly opts: { readonly rooms: Set<unknown>; readonly except: Set<unknown> }
  readonly data: readonly unknown[]
  readonly emittedAt: number
  /** Of a mark: whose it is. */
  readonly of?: string
}

function keptBy({ adapter: { packets } }: Namespace): Kept[] | undefined {
  return Array.isArray(packets) ? (packets as Kept[]) : undefined
}

/** What was sent to it, or what it brought; undefined where nobody keeps that. */
export function keptFor({ id, nsp, rooms }: Socket): readonly Kept[] | undefined {
  const isIn = (some: Set<unknown>): boolean => [...rooms].some((room) => some.has(room))
  return keptBy(nsp)?.filter(
    ({ of, opts }) =>
      of === id || ((opts.rooms.size === 0 || isIn(opts.rooms)) && !isIn(opts.except)),
  )
}

/** The last of it. */
export function lastOffsetOf(socket: Socket): string | undefined {
  return keptFor(socket)?.at(-1)?.id
}

/** From here on it has everything. */
export function mark({ id, nsp }: Socket, offset: string): void {
  // No client is in such a room: nobody gets it.
  add(nsp, new Set([Symbol()]), { id: offset, data: [], of: id })
}

/** An event that one may have missed in another process. */
export function hold(nsp: Namespace, sid: string, id: string, data: readonly unknown[]): void {
  add(nsp, new Set([sid]), { id, data, of: sid })
}

function add(nsp: Namespace, rooms: Set<unknown>, kept: Omit<Kept, 'opts' | 'emittedAt'>): void {
  // By its place and not by its time: the adapter drops all that stand before one that is old.
  keptBy(nsp)?.push({ ...kept, opts: { rooms, except: new Set() }, emittedAt: Date.now() })
}
