import type { InsideServer, Namespace, Packet, Socket, Targets } from './internals.js'
import { type Parcel, unwrap, wrap } from './parcel.js'
import type { Post } from './post.js'

/** What an adapter does to all sockets of some rooms. */
type Deed = 'addSockets' | 'delSockets' | 'disconnectSockets'

/** What is done to rooms, in all processes. */
export interface Call {
  readonly nsp: string
  readonly rooms: readonly unknown[]
  readonly except: readonly unknown[]
  readonly flags?: object
  readonly parcel?: Parcel
  readonly deed?: Deed
  readonly value?: unknown
}

type Doing = (targets: Targets) => void

const deeds: readonly Deed[] = ['addSockets', 'delSockets', 'disconnectSockets']

/** The rooms of all processes of a service as one, for the in-memory adapter, which knows those of its own. */
export class Rooms {
  readonly #io: InsideServer
  readonly #post: Post
  /** Whether this one is here, and stays for now. */
  readonly #isHere: (socket: Socket) => boolean
  /** What is said here, in the midst of it: no copy is needed. */
  #own: Doing | undefined
  readonly #real = new WeakMap<Namespace, Pick<Namespace['adapter'], 'broadcast' | Deed>>()

  constructor(io: InsideServer, post: Post, isHere: (socket: Socket) => boolean) {
    this.#io = io
    this.#post = post
    this.#isHere = isHere
  }

  /** @returns takes it back */
  join(nsp: Namespace): () => void {
    const { adapter } = nsp
    const { broadcast, addSockets, delSockets, disconnectSockets } = adapter
    const real = { broadcast, addSockets, delSockets, disconnectSockets }
    this.#real.set(nsp, real)
    adapter.broadcast = (packet, targets) => {
      const local: Doing = (some) => Reflect.apply(broadcast, adapter, [packet, some])
      const { type, data } = packet
      this.#do(nsp, targets, local, () => ({
        parcel: wrap(this.#io, { type, nsp: nsp.name, data }),
      }))
    }
    for (const deed of deeds)
      adapter[deed] = (targets, value) => {
        const local: Doing = (some) => Reflect.apply(real[deed], adapter, [some, value])
        this.#do(nsp, targets, local, () => ({ deed, value }))
      }
    return () => {
      for (const name of ['broadcast', ...deeds]) Reflect.deleteProperty(adapter, name)
    }
  }

  /** @param to the connection that has just moved here, where nobody else is to hear of it */
  hear(call: Call, to: readonly unknown[] | undefined): void {
    const nsp = this.#io._nsps.get(call.nsp)
    const doing = this.#own ?? (nsp && this.#doing(nsp, call))
    if (!nsp || !doing) return
    const targets = { rooms: new Set(call.rooms), except: new Set(call.except), flags: call.flags }
    if (!to) return doing(targets)
    for (const socket of nsp.sockets.values())
      if (to.includes(socket.client.conn) && isMeant(socket, targets))
        doing({ ...targets, rooms: new Set([socket.id]), except: new Set() })
  }

  #do(nsp: Namespace, targets: Targets, local: Doing, more: () => Partial<Call>): void {
    const { rooms, except = new Set(), flags } = targets
    if (Reflect.get(Object(flags), 'local') === true || this.#isAlone(nsp, rooms))
      return local(targets)
    const call = {
      nsp: nsp.name,
      rooms: [...rooms],
      except: [...except],
      ...(flags && { flags }),
      ...more(),
    }
    this.#own = local
    try {
      if (!this.#post.send({ call })) local(targets)
    } finally {
      this.#own = undefined
    }
  }

  /** Whether it is for one that is here, as all is that a socket is told with Socket.IO's recovery. */
  #isAlone({ sockets }: Namespace, rooms: ReadonlySet<unknown>): boolean {
    const [room] = rooms
    const socket = rooms.size === 1 ? sockets.get(room) : undefined
    return socket !== undefined && this.#isHere(socket)
  }

  #doing(nsp: Namespace, { parcel, deed, value }: Call): Doing | undefined {
    const real = this.#real.get(nsp)
    if (deed) return (some) => Reflect.apply(real?.[deed] ?? (() => {}), nsp.adapter, [some, value])
    const packet = parcel && unwrap(this.#io, parcel)
    if (!packet) return undefined
    const copy = (): Packet => ({ ...packet, data: [...(packet.data as unknown[])] })
    return (some) => Reflect.apply(real?.broadcast ?? (() => {}), nsp.adapter, [copy(), some])
  }
}

/** Of one that is in this namespace. */
export function isMeant(
  { rooms: joined }: Socket,
  { rooms, except = new Set() }: Targets,
): boolean {
  const isIn = (some: ReadonlySet<unknown>): boolean => [...joined].some((room) => some.has(room))
  return (rooms.size === 0 || isIn(rooms)) && !isIn(except)
}
