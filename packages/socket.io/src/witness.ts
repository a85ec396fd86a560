import type { Upgrader } from '@endlessjs/core'
import type { Arrivals } from './arrivals.js'
import type { Adapter, InsideServer, Namespace, Packet, Socket, Targets } from './internals.js'
import { plain } from './luggage.js'
import { type Parcel, unwrap, wrap } from './parcel.js'
import type { Answer, Question } from './question.js'
import { isMeant } from './rooms.js'

/** So many characters are told at once: a message of a channel may have four times as many bytes. */
const most = 2 ** 18
/** EVENT, as Socket.IO numbers packets. */
const event = 2

/** What another process tells of a socket, of which Socket.IO makes a `RemoteSocket`. */
export interface Details {
  readonly id: string
  readonly handshake: object
  readonly rooms: readonly unknown[]
  readonly data: unknown
}

/** Which clients were told something that they are to answer, or what one of them has answered. */
export type Told =
  | { readonly ids: readonly string[] }
  | { readonly id: string; readonly value: unknown }

/** Any values, as the parser of the app says them. */
export function pack(io: InsideServer, values: readonly unknown[]): Parcel {
  return wrap(io, { type: event, nsp: '/', data: ['', ...values] })
}

/** @returns none where the parser of this release does not understand them */
export function unpacked(io: InsideServer, parcel: Parcel): readonly unknown[] {
  const data = unwrap(io, parcel)?.data
  return Array.isArray(data) ? data.slice(1) : []
}

/** Who is told the answers: which are parcels to others, and values here. */
export interface Asker {
  readonly me: string
  send(answer: Answer): boolean
  hear(values: readonly unknown[], answer: Answer): void
}

/** What this process answers. */
export class Witness {
  readonly #io: InsideServer
  readonly #upgrader: Upgrader
  readonly #asker: Asker
  readonly #arrivals: () => Arrivals | undefined
  /** Of the adapter: to all clients that are here. */
  readonly #emit: (nsp: Namespace) => Adapter['broadcastWithAck'] | undefined

  constructor(
    io: InsideServer,
    upgrader: Upgrader,
    asker: Asker,
    arrivals: () => Arrivals | undefined,
    emit: (nsp: Namespace) => Adapter['broadcastWithAck'] | undefined,
  ) {
    this.#io = io
    this.#upgrader = upgrader
    this.#asker = asker
    this.#arrivals = arrivals
    this.#emit = emit
  }

  /** @param to the connection that has just moved here, where nobody else is to hear of it */
  hear(question: Question, by: string, to: readonly unknown[] | undefined): void {
    const nsp = this.#io._nsps.get(question.nsp)
    if (question.kind !== 'emit') return this.#tellOf(nsp, question, by, to)
    if (to || by === this.#asker.me) return
    const tell = (values: readonly unknown[]): void =>
      question.isMute ? undefined : this.#tell(question, by, values, false)
    if (nsp && question.parcel) this.#hearEmit(nsp, question, tell)
    else tell([])
  }

  #hearEmit(
    nsp: Namespace,
    { parcel = [], isMute }: Question,
    tell: (values: readonly unknown[]) => void,
  ): void {
    let isAnswered = false
    const ack = (value: unknown): void => {
      if (!isAnswered) tell([value])
      isAnswered = true
    }
    nsp._onServerSideEmit([...unpacked(this.#io, parcel), ...(isMute ? [] : [ack])])
  }

  #tellOf(
    nsp: Namespace | undefined,
    question: Question,
    by: string,
    to: readonly unknown[] | undefined,
  ): void {
    // Whoever is on the way is told what it has missed when it is there.
    const settled = to ? undefined : this.#arrivals()?.settled
    const values = nsp ? this.#look(nsp, question, by, to) : []
    this.#tell(question, by, values, to !== undefined || settled !== undefined)
    if (settled) void settled.then(() => this.#tell(question, by, [], false))
  }

  /** In one turn: whoever is here now may not be here in the next one. */
  #look(
    nsp: Namespace,
    question: Question,
    by: string,
    to: readonly unknown[] | undefined,
  ): readonly unknown[] {
    const { kind, rooms, except, flags } = question
    if (kind === 'none') return []
    const targets = { rooms: new Set(rooms), except: new Set(except), flags }
    const found = [...nsp.sockets.values()].filter(
      (socket) => isMeant(socket, targets) && (!to || to.includes(socket.client.conn)),
    )
    if (kind === 'fetch') return found.map(detailsOf)
    const ids = found.map(({ id }) => id)
    const told = to ? { ...targets, rooms: new Set(ids), except: new Set() } : targets
    if (ids.length > 0) this.#ask(nsp, question, by, told)
    return [{ ids } satisfies Told]
  }

  #ask(nsp: Namespace, question: Question, by: string, targets: Targets): void {
    const packet = question.parcel && unwrap(this.#io, question.parcel)
    const emit = this.#emit(nsp)
    if (!packet || !emit) return
    const copy: Packet = { type: packet.type, nsp: nsp.name, data: packet.data }
    const tell = (told: Told): void => this.#tell(question, by, [told], true)
    const answered = function (this: Socket, value: unknown): void {
      tell({ id: this.id, value })
    }
    Reflect.apply(emit, nsp.adapter, [copy, targets, () => {}, answered])
    // Nobody waits any more: a client that owes an ack does not move.
    const forget = (): void => {
      for (const { acks } of nsp.sockets.values()) acks.delete(copy.id)
    }
    setTimeout(forget, Number(Reflect.get(Object(question.flags), 'timeout') ?? 0)).unref()
  }

  #tell({ id }: Question, to: string, values: readonly unknown[], more: boolean): void {
    const answer = { id, to, parcels: [], more, moves: this.#upgrader.state === 'draining' }
    if (to === this.#asker.me) return this.#asker.hear(values, answer)
    try {
      const parts = inParts(values.map((value) => pack(this.#io, [value])))
      const areSaid = parts.every((parcels, n) =>
        this.#asker.send({ ...answer, parcels, more: more || n < parts.length - 1 }),
      )
      if (!areSaid) this.#asker.send({ ...answer, failed: `process ${process.pid}: too much` })
    } catch (error) {
      this.#asker.send({ ...answer, failed: `process ${process.pid}: ${error}` })
    }
  }
}

function detailsOf({ id, handshake, rooms, data }: Socket): Details {
  return { id, handshake: plain(handshake), rooms: [...rooms], data }
}

/** One at least. */
function inParts(parcels: readonly Parcel[]): readonly Parcel[][] {
  const parts: Parcel[][] = [[]]
  let size = 0
  for (const parcel of parcels) {
    const length = JSON.stringify(parcel).length
    if (size > 0 && size + length > most) {
      parts.push([])
      size = 0
    }
    parts.at(-1)?.push(parcel)
    size += length
  }
  return parts
}
