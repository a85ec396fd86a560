import type { Socket } from 'node:net'
import type { Connection } from '../connections/index.js'
import type { Generation } from '../generation/index.js'
import type { Listeners } from '../listeners/index.js'
import { isBetweenRequests, isFlushed, isOnHandle, isParsed, isPlainHttp } from '../node/index.js'

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
    if (session || !isPlainHttp(server) || !isOnHandle(socket)) return false
    if (this.#refused.has(connection) || !isParsed(socket)) return false
    return this.#nameOf(connection) !== undefined
  }

  /** Of one that was asked about already. */
  standing(connection: Connection): Standing {
    if (!this.mayMove(connection) || connection.socket.readyState !== 'open') return 'stays'
    if (connection.isBusy) return 'busy'
    return isQuiet(connection) ? 'ready' : 'stays'
  }

  #isReady(connection: Connection): boolean {
    if (connection.isBusy || this.#isAboard(connection) || !isQuiet(connection)) return false
    return connection.socket.readyState === 'open' && this.canMove(connection)
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
