import type { Socket } from 'node:net'
import type { Connection } from '../connections/index.js'
import { EndlessError } from '../errors.js'
import type { Generation } from '../generation/index.js'
import type { Fact } from '../handover/index.js'
import type { Listeners } from '../listeners/index.js'
import { isBetweenRequests, isFlushed, isOnHandle, isParsed, isPlainHttp } from '../node/index.js'
import {
  answeringOn,
  type Carriage,
  carriageOf,
  giveUpCarrying,
  headToReplay,
  type LadenCarriage,
} from './carry.js'
import type { Standing } from './crossing.js'

/** The name of the listener that a connection came by; undefined where it is none of ours. */
export type NameOf = (connection: Connection) => string | undefined

/** As the other end knows them. */
export function namesIn(listeners: Listeners): NameOf {
  return ({ server }) => {
    const listener = listeners.all.find((one) => one.server === server)
    return listener && listeners.nameOf(listener)
  }
}

/** Which connections can move, and whose turn it is. */
export class Candidates {
  readonly #generation: Generation
  readonly #nameOf: NameOf
  readonly #isAboard: (connection: Connection) => boolean
  readonly #refused = new WeakSet<Connection>()
  /** Those for which the `migrate` option said no when it was last asked. */
  readonly #unwanted = new WeakSet<Connection>()
  readonly #declined: () => void
  /** Became idle when there was no room. */
  readonly #waiting = new Set<Connection>()
  #walk: Iterator<Connection>
  /** Those of which the app says itself when they can go. */
  readonly #carried = new Set<Connection>()

  /**
   * @param isAboard whether it is on its way already
   * @param declined called when the `migrate` option says no to one
   */
  constructor(
    generation: Generation,
    nameOf: NameOf,
    isAboard: (connection: Connection) => boolean,
    declined: () => void,
  ) {
    this.#generation = generation
    this.#nameOf = nameOf
    this.#isAboard = isAboard
    this.#declined = declined
    this.#walk = generation.connections[Symbol.iterator]()
  }

  /** Begins anew with every connection; also with those that became idle without a response. */
  walk(): void {
    this.#walk = this.#generation.connections[Symbol.iterator]()
    for (const one of this.#generation.connections)
      if (carriageOf(one.socket)) this.#carried.add(one)
  }

  /** Whether there are some of the app's own protocol. */
  get areSomeCarried(): boolean {
    return this.#carried.size > 0
  }

  /** The next one of those that is still. */
  nextCarried(): Connection | undefined {
    for (const one of this.#carried) {
      if (one.socket.destroyed || !this.mayMove(one)) this.#carried.delete(one)
      else if (this.#isReady(one)) return one
    }
    return undefined
  }

  /** Those of the app's own protocol that are here still. */
  *waitedFor(): Iterable<Connection> {
    for (const one of this.#carried) if (!one.socket.destroyed && !this.#isAboard(one)) yield one
  }

  /** Whether it is for its client to make it still. */
  awaitsClient({ socket }: Connection): boolean {
    return carriageOf(socket)?.awaits?.() ?? false
  }

  /** It became idle: before all that were not looked at yet. */
  wait(connection: Connection): void {
    this.#waiting.add(connection)
  }

  isWaiting(connection: Connection): boolean {
    return this.#waiting.has(connection)
  }

  /** The successor does not want this one. */
  refuse(connection: Connection): void {
    this.#refused.add(connection)
  }

  clear(): void {
    this.#waiting.clear()
    this.#carried.clear()
  }

  /**
   * The next one that is between two requests.
   * @param passedOver told of each that waited and is not
   */
  next(passedOver: (connection: Connection) => void): Connection | undefined {
    for (const connection of this.#waiting) {
      this.#waiting.delete(connection)
      if (this.#isReady(connection)) return connection
      passedOver(connection)
    }
    for (let next = this.#walk.next(); !next.done; next = this.#walk.next())
      if (this.#isReady(next.value)) return next.value
    return undefined
  }

  /** Asks the app, where it has a say. */
  canMove(connection: Connection): boolean {
    return this.#isMovable(connection) && this.#isWanted(connection)
  }

  /** By what is known: the app is asked when it is one's turn, and not of thousands at once. */
  mayMove(connection: Connection): boolean {
    return this.#isMovable(connection) && !this.#unwanted.has(connection)
  }

  #isMovable(connection: Connection): boolean {
    const { server, session, socket } = connection
    const isOurs = carriageOf(socket) || (!session && isPlainHttp(server) && isParsed(socket))
    if (!isOurs || !isOnHandle(socket) || this.#refused.has(connection)) return false
    return this.#nameOf(connection) !== undefined
  }

  /** What goes with one that is frozen; undefined where the app cannot say it. */
  pack(connection: Connection): Fact | undefined {
    const { socket } = connection
    try {
      const plain = this.#factOf(connection)
      const { baggage, state } = this.#textsOf(carriageOf(socket))
      const { carryLimit } = this.#generation.settings.values
      const size = Buffer.byteLength(state ?? '')
      if (size <= carryLimit)
        return {
          ...plain,
          ...(state !== undefined && { state }),
          ...(baggage !== undefined && { baggage }),
        }
      throw new EndlessError(
        'ERR_ENDLESS_CARRY',
        `state() of carry(): expected at most ${carryLimit} bytes of JSON, received ${size}: keep less, or raise ` +
          'carryLimit',
      )
    } catch (error) {
      this.#generation.error('A connection cannot move with its state, and drains', error)
      // Nor to another worker, each time that they are evened out.
      giveUpCarrying(socket)
      return undefined
    }
  }

  #factOf({ requests, socket }: Connection): Fact {
    const head = headToReplay(socket)
    const answering = answeringOn(socket)
    if (!answering) return { requests, ...(head !== undefined && { head }) }
    // The one that is replayed is counted there.
    return { requests: requests - 1, head: answering.head, answer: answering.framing }
  }

  #textsOf({ baggage, state }: LadenCarriage = {}): Partial<Record<'baggage' | 'state', string>> {
    return { state: JSON.stringify(state?.()), baggage: JSON.stringify(baggage?.()) }
  }

  /** The successor has it: the app hears no 'close'. */
  bidFarewell({ socket }: Connection): void {
    try {
      carriageOf(socket)?.gone?.()
    } catch (error) {
      this.#generation.error('gone() of carry() threw', error)
    }
  }

  /** Of one that was asked about already. */
  standing(connection: Connection): Standing {
    if (!this.mayMove(connection) || connection.socket.readyState !== 'open') return 'stays'
    const carriage = carriageOf(connection.socket)
    if (carriage) return this.#isStill(connection, carriage) ? 'ready' : 'stays'
    if (connection.isBusy) return 'busy'
    return isQuiet(connection) ? 'ready' : 'stays'
  }

  #isReady(connection: Connection): boolean {
    if (this.#isAboard(connection) || connection.socket.readyState !== 'open') return false
    const carriage = carriageOf(connection.socket)
    const isStill = carriage
      ? this.#isStill(connection, carriage)
      : !connection.isBusy && isQuiet(connection)
    return isStill && this.canMove(connection)
  }

  /** By what the app says of it, and nothing of it is on its way through this process. */
  #isStill({ socket, inFlight }: Connection, { busy }: Carriage): boolean {
    // Of several that are pipelined, none can go.
    if (!isFlushed(socket) || socket.readableLength > 0 || inFlight > 1) return false
    try {
      return !busy?.()
    } catch (error) {
      this.#generation.error('busy() of carry() threw: that connection drains', error)
      giveUpCarrying(socket)
      return false
    }
  }

  #isWanted(connection: Connection): boolean {
    const { migrate } = this.#generation.settings.values
    if (typeof migrate !== 'function') return migrate
    const isWanted = this.#ask(migrate, connection.socket)
    if (isWanted) this.#unwanted.delete(connection)
    else if (!this.#unwanted.has(connection)) {
      this.#unwanted.add(connection)
      this.#declined()
    }
    return isWanted
  }

  #ask(migrate: (socket: Socket) => boolean, socket: Socket): boolean {
    try {
      return migrate(socket)
    } catch (error) {
      this.#generation.error('The migrate option threw: that connection drains', error)
      return false
    }
  }
}

/** Between two requests, with all that was answered in the kernel. */
function isQuiet({ socket }: Connection): boolean {
  return isFlushed(socket) && isBetweenRequests(socket)
}
