import type { Connection } from '../connections/index.js'
import type { Answer, Fact, Refusal, Successor } from '../handover/index.js'
import { type Channel, handleOn } from '../node/index.js'
import { InTurn } from './inturn.js'
import { Passenger } from './passenger.js'

/** A successor that is silent for so long does not get the ones that are on their way, in ms. */
const answerTimeout = 1_000
/** For so long one that was taken may be at a request, with the next one left in the kernel, in ms. */
const boardingTime = 1_000

/** What a connection is at: `busy` ones will be ready, those that stay are not waited for. */
export type Standing = 'ready' | 'busy' | 'stays'

/** What a crossing asks, and tells, whoever chooses the connections. */
export interface Passengers {
  /** Whether it can be let go of right now. */
  standing(connection: Connection): Standing
  /** What goes with one of the app's own protocol; undefined where that cannot be said: it stays. */
  pack(connection: Connection): Fact | undefined
  /** One of the app's own protocol is the successor's. */
  gone(connection: Connection): void
  /** How many messages of channels were handled here, of those that came from where it goes to. */
  heard?(): number | undefined
  /** There is room: {@link Crossing.offer} as many as there is. */
  room(): void
  /** It stays. */
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

/**
 * The way of connections to the successor, as `handover` has it: offer, taken, yours; or keep. Until the
 * successor has one in its hands it is served here as ever: it stands still for no longer than the word `yours`
 * takes.
 */
export class Crossing {
  /** How many are the successor's. */
  moved = 0
  readonly #successor: Recipient
  readonly #passengers: Passengers
  readonly #free: Channel[]
  /** Taken back; each is in its lane still, or the successor has not said that it let go. */
  readonly #blocked = new Map<number, Passenger>()
  readonly #aboard = new Map<Connection, Passenger>()
  readonly #offered = new Map<number, Passenger>()
  /** Taken, while they were at a request. */
  readonly #boarding = new Map<number, Passenger>()
  /** Until the kernel has what is said of them. */
  readonly #settling = new Set<Passenger>()
  readonly #inTurn = new InTurn()
  #nextId = 0
  #silent = false
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

  /** How many are on their way. */
  get size(): number {
    return this.#aboard.size
  }

  has(connection: Connection): boolean {
    return this.#aboard.has(connection)
  }

  /**
   * @param took called with how long the successor took to take it, in ms
   * @param goOn reads on, where reading was held: its client is always a request ahead
   */
  offer(
    connection: Connection,
    listener: string,
    took: (ms: number) => void = () => {},
    goOn?: () => void,
  ): void {
    const handle = handleOn(connection.socket)
    const lane = handle && this.#free.pop()
    if (!lane) return
    const id = this.#nextId++
    const passenger = new Passenger(id, connection, lane, took, goOn)
    this.#aboard.set(connection, passenger)
    this.#offered.set(id, passenger)
    const sent = (error?: Error | null): void => {
      // It never left.
      if (error) this.#isBack(id)
    }
    const { isCarried, isReplayed } = passenger
    const kind = { ...(isCarried && { carried: true }), ...(isReplayed && { replayed: true }) }
    lane.send({ id, listener, ...kind }, sent, handle)
    this.#timer ??= setTimeout(() => this.#checkSilence(), answerTimeout).unref()
  }

  /** One that may be waited for has read all of a request. */
  hold(connection: Connection): void {
    const passenger = this.#aboard.get(connection)
    if (passenger && this.#boarding.has(passenger.id)) passenger.hold()
  }

  /** In the midst of a long turn: those that were taken wait for no more than our word. */
  hurry(): void {
    if (this.#offered.size > 0 && this.#inTurn.isDue) this.#successor.poll()
  }

  /** Everything that was not said to be the successor's stays here. */
  cancel(): void {
    this.#stopHearing()
    this.#silent = true
    clearTimeout(this.#timer)
    this.#keep([...this.#offered.values(), ...this.#boarding.values()])
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

  /** The successor has it in its hands: now it goes, as soon as it can. */
  #hearTaken(ids: readonly number[]): void {
    const taken: Passenger[] = []
    for (const id of ids) {
      const passenger = this.#offered.get(id)
      // One that was taken back meanwhile is ours: the successor learns it from `keep`.
      if (!passenger) continue
      this.#offered.delete(id)
      passenger.took(performance.now() - passenger.at)
      this.#free.push(passenger.lane)
      taken.push(passenger)
    }
    this.#part(taken)
  }

  /** Lets go of those that are ready, waits for those at a request, and keeps the others. */
  #part(passengers: readonly Passenger[]): void {
    const going: Passenger[] = []
    const staying: Passenger[] = []
    for (const passenger of passengers) {
      const standing = this.#passengers.standing(passenger.connection)
      if (standing === 'busy') this.#board(passenger)
      else (standing === 'ready' && this.#freeze(passenger) ? going : staying).push(passenger)
    }
    if (going.length > 0) this.#tellYours(going)
    this.#keep(staying)
  }

  /** @returns whether it can go with all that is to be known of it */
  #freeze(passenger: Passenger): boolean {
    if (!passenger.freeze()) return false
    const { connection, isCarried } = passenger
    if (!isCarried || passenger.pack((one) => this.#passengers.pack(one))) return true
    this.#passengers.refused(connection, 'listener')
    return false
  }

  #board(passenger: Passenger): void {
    const { id, connection } = passenger
    this.#boarding.set(id, passenger)
    this.hold(connection)
    passenger.late ??= setTimeout(() => this.#keep([passenger]), boardingTime).unref()
    connection.onceIdle(() => {
      if (this.#boarding.delete(id)) this.#part([passenger])
    })
  }

  #tellYours(passengers: readonly Passenger[]): void {
    const ids = passengers.map(({ id }) => id)
    const facts = passengers.map(({ fact }) => fact)
    const yours = this.#settle(passengers)
    const heard = this.#passengers.heard?.()
    const word = { endless: 'yours', ids, facts, ...(heard !== undefined && { heard }) } as const
    this.#successor.tell(word, (error) =>
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

  #stay(passenger: Passenger): void {
    this.#aboard.delete(passenger.connection)
    passenger.stay()
    this.#lookIfOver()
  }

  #letGo(passenger: Passenger): void {
    const { connection, isCarried } = passenger
    this.#aboard.delete(connection)
    this.moved++
    passenger.leave()
    if (isCarried) this.#passengers.gone(connection)
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
    this.#keep([...this.#offered.values()])
    if (this.#silent) return
    this.#silent = true
    this.#passengers.silent()
  }

  #keep(passengers: readonly Passenger[]): void {
    if (passengers.length === 0) return
    const ids = passengers.map(({ id }) => id)
    const kept = this.#settle(passengers)
    // Read on only when the kernel has it: a successor that wakes up finds it before our end.
    this.#successor.tell({ endless: 'keep', ids }, () =>
      this.#settled(kept, (passenger) => this.#stay(passenger)),
    )
  }

  #settle(passengers: readonly Passenger[]): readonly Passenger[] {
    for (const passenger of passengers) {
      clearTimeout(passenger.late)
      this.#offered.delete(passenger.id)
      this.#boarding.delete(passenger.id)
      this.#settling.add(passenger)
    }
    return passengers
  }

  #settled(passengers: readonly Passenger[], what: (passenger: Passenger) => void): void {
    for (const passenger of passengers) if (this.#settling.delete(passenger)) what(passenger)
  }
}
