/**
 * Socket.IO's own recovery, where the app has `connectionStateRecovery`: the in-memory adapter keeps the events of the
 * last minutes, and a client that comes back says the last one that it has. Of a client that moved that one is in
 * another process, so a mark of it stands here, at the place from which on it has everything.
 */
import type { Namespace, Socket } from './internals.js'

interface Kept {
  readonly id: string
  readonly opts: { readonly rooms: Set<unknown>; readonly except: Set<unknown> }
  readonly data: readonly unknown[]
  readonly emittedAt: number
  /** Of a mark: whose it is. */
  readonly of?: string
}

function keptBy({ adapter }: Namespace): Kept[] | undefined {
  const packets: unknown = Reflect.get(adapter, 'packets')
  return Array.isArray(packets) ? (packets as Kept[]) : undefined
}

/** The last event that was sent to it, or that it brought; undefined where nobody keeps them. */
export function lastOffsetOf({ id, nsp, rooms }: Socket): string | undefined {
  const isIn = (some: Set<unknown>): boolean => [...rooms].some((room) => some.has(room))
  return keptBy(nsp)?.findLast(
    ({ of, opts }) =>
      of === id || ((opts.rooms.size === 0 || isIn(opts.rooms)) && !isIn(opts.except)),
  )?.id
}

/** From here on it has everything. */
export function mark({ id, nsp }: Socket, offset: string): void {
  // No client is in such a room: nobody gets it.
  const opts = { rooms: new Set<unknown>([Symbol()]), except: new Set<unknown>() }
  keptBy(nsp)?.push({ id: offset, opts, data: [], emittedAt: Date.now(), of: id })
}
