import type { Connection } from '../connections/index.js'
import type { Answer, Offer, Refusal, Successor } from '../handover/index.js'
import { type Channel, type Frozen, freeze, restOf } from '../node/index.js'
import { InTurn } from './inturn.js'

/** A successor that is silent for so long does not get the ones that are on their way, in ms. */
const answerTimeout = 1_000

/** What a crossing tells whoever chooses the connections. */
export interface Passengers {
  /** There is room: {@link Crossing.offer} as many as there is. */
  room(): void
  /** It stays, and is read from again. */
  refused(connection: Connection, why: Refusal): void
  /** The successor hangs, or is slow: what was on its way is back, and there is no room. */
  silent(): void
  /** It answers again. */
  answers(): void
  /** Nobody is on the way any more. */
  over?(): void
}

/** Who gets the connections. */
export type Recipient = Pick<Successor, 'lanes' | 'tell' | 'poll' | 'onAnswer'>

interface Passenger {
  readonly connection: Connection
  readonly frozen: Frozen
  readonly lane: Channel
  readonly at: number
  readonly took: (ms: number) => void
}

/** The way of connections to the successor, as `handover` has it: offer, taken, yours; or keep. */
export class Crossing {
  /** How many are the successor's. */
  moved = 0
  readonly #successor: Recipient
  readonly #passengers: Passengers
  readonly #free: Channel[]
  /** Taken back; each is in its lane still, or the successor has not said that it let go. */
  readonly #blocked = new Map<number, Passenger>()
  readonly #aboard = new Set<Connection>()
  readonly #offered = new Map<number, Passenger>()
  /** Taken, and not told yet that they are the successor's. */
  readonly #taken = new Map<number, Passenger>()
  /** Frozen still, until the kernel has what is said of them. */
  readonly #settling = new Set<Passenger>()
  readonly #inTurn = new InTurn()
  #nextId = 0
  #silent = false
  #flush: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined
  readonly #stopHearing: () => void

  constructor(successor: Recipient, passengers: Passengers) {
    this.#successor = successor
    this.#free = [...successor.lanes]
    this.#passengers = passengers
    this.#stopHearing = successor.onAnswer((answer) => this.#hear(answer))
  }

  /** Whether the successor hangs, or is slow. */
  get isSilent(): boolean {
    return this.#silent
  }

  get hasRoom(): boolean {
    return !this.#silent && this.#free.length > 0
  }

  /** How many are on their way, frozen. */
  get size(): number {
    return this.#aboard.size
  }

  has(connection: Connection): boolean {
    return this.#aboard.has(connection)
  }

  /** @param took called with how long the successor took to take it, in ms */
  offer(connection: Connection, listener: string, took: (ms: number) => void = () => {}): void {
    const id = this.#nextId
    // Before its clock is stopped.
    const offer = offerOf(id, listener, connection)
    const lane = this.#free.at(-1)
    const frozen = lane && freeze(connection.socket)
    if (!lane || !frozen) return
    this.#free.pop()
    this.#nextId++
    this.#aboard.add(connection)
    this.#offered.set(id, { connection, frozen, lane, at: performance.now(), took })
    const sent = (error?: Error | null): void => {
      // It never left.
      if (error) this.#isBack(id)
    }
    lane.send(offer, sent, frozen.handle)
    this.#timer ??= setTimeout(() => this.#checkSilence(), answerTimeout).unref()
  }

  /** In the midst of a long turn: those that were taken wait for no more than our word. */
  hurry(): void {
    if (this.#offered.size + this.#taken.size === 0 || !this.#inTurn.isDue) return
    this.#successor.poll()
    if (this.#taken.size > 0) this.#tellYours()
  }

  /** Everything that was not said to be the successor's stays here. */
  cancel(): void {
    this.#stopHearing()
    this.#silent = true
    clearTimeout(this.#timer)
    if (this.#flush) clearImmediate(this.#flush)
    this.#keep([this.#offered, this.#taken])
    for (const lane of this.#successor.lanes) lane.close()
  }

  /** As {@link Crossing.cancel}, of a successor that is gone: there is nobody to tell. */
  abandon(): void {
    this.cancel()
    this.#settled([...this.#settling], (passenger) => this.#stay(passenger))
  }

  #hear(answer: Answer): void {
    if (answer.endless === 'taken') this.#hearTaken(answer.ids)
    if (answer.endless === 'refused')
      for (const id of answer.ids) {
        const passenger = this.#offered.get(id) ?? this.#blocked.get(id)
        this.#isBack(id)
        if (passenger) this.#passengers.refused(passenger.connection, answer.why)
      }
    if (answer.endless === 'kept') this.#hearKept(answer.ids)
    if (this.hasRoom) this.#passengers.room()
  }

  #hearTaken(ids: readonly number[]): void {
    for (const id of ids) {
      const passenger = this.#offered.get(id)
      // One that was taken back meanwhile is ours: the successor learns it from `keep`.
      if (!passenger) continue
      this.#offered.delete(id)
      this.#taken.set(id, passenger)
      passenger.took(performance.now() - passenger.at)
      this.#free.push(passenger.lane)
    }
    // Once per turn of the event loop.
    if (this.#taken.size > 0) this.#flush ??= setImmediate(() => this.#tellYours())
  }

  #tellYours(): void {
    if (this.#flush) clearImmediate(this.#flush)
    this.#flush = undefined
    const ids = [...this.#taken.keys()]
    const yours = this.#settle(this.#taken)
    this.#successor.tell({ endless: 'yours', ids }, (error) =>
      this.#settled(yours, (passenger) => {
        if (error) this.#stay(passenger)
        else this.#letGo(passenger)
      }),
    )
  }

  #hearKept(ids: readonly number[]): void {
    for (const id of ids) {
      const passenger = this.#blocked.get(id)
      if (passenger) this.#free.push(passenger.lane)
      this.#blocked.delete(id)
    }
    if (!this.#silent) return
    this.#silent = false
    this.#passengers.answers()
  }

  /** Nobody but us can read it. */
  #isBack(id: number): void {
    if (this.#blocked.has(id)) return this.#hearKept([id])
    const passenger = this.#offered.get(id)
    if (!passenger) return
    this.#offered.delete(id)
    this.#free.push(passenger.lane)
    this.#stay(passenger)
  }

  #stay({ connection, frozen }: Passenger): void {
    this.#aboard.delete(connection)
    frozen.thaw()
    this.#lookIfOver()
  }

  #letGo({ connection }: Passenger): void {
    this.#aboard.delete(connection)
    this.moved++
    // Closes our fd alone: the connection lives as long as one of its fds does.
    connection.socket.destroy()
    this.#lookIfOver()
  }

  #lookIfOver(): void {
    if (this.#aboard.size === 0) this.#passengers.over?.()
  }

  #checkSilence(): void {
    this.#timer = undefined
    const [oldest] = this.#offered.values()
    if (!oldest) return
    const left = oldest.at + answerTimeout - performance.now()
    if (left > 0) this.#timer = setTimeout(() => this.#checkSilence(), left).unref()
    else this.#fallSilent()
  }

  #fallSilent(): void {
    for (const [id, passenger] of this.#offered) this.#blocked.set(id, passenger)
    this.#keep([this.#offered])
    if (this.#silent) return
    this.#silent = true
    this.#passengers.silent()
  }

  #keep(rooms: readonly Map<number, Passenger>[]): void {
    const ids = rooms.flatMap((room) => [...room.keys()])
    if (ids.length === 0) return
    const kept = rooms.flatMap((room) => this.#settle(room))
    // Read on only when the kernel has it: a successor that wakes up finds it before our end.
    this.#successor.tell({ endless: 'keep', ids }, () =>
      this.#settled(kept, (passenger) => this.#stay(passenger)),
    )
  }

  #settle(from: Map<number, Passenger>): Passenger[] {
    const passengers = [...from.values()]
    from.clear()
    for (const passenger of passengers) this.#settling.add(passenger)
    return passengers
  }

  #settled(passengers: readonly Passenger[], what: (passenger: Passenger) => void): void {
    for (const passenger of passengers) if (this.#settling.delete(passenger)) what(passenger)
  }
}

function offerOf(id: number, listener: string, { requests, socket }: Connection): Offer {
  // One that never sent a byte has no time of its own: it is as good as new.
  const rest = requests > 0 ? restOf(socket) : undefined
  return { id, listener, requests, ...(rest !== undefined && { rest }) }
}
