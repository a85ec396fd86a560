import type { Socket } from 'node:net'
import type { Connection } from '../connections/connection.js'
import type { Generation } from '../generation/generation.js'
import type { Refusal } from '../handover/handover.js'
import type { Successor } from '../handover/successor.js'
import type { Listeners } from '../listeners/listeners.js'
import {
  holdReading,
  isBetweenRequests,
  isFlushed,
  isParsed,
  isPlainHttp,
} from '../node/established.js'
import { Crossing } from './crossing.js'

/** How long a connection may hope to move, in ms, at most. */
const longestPatience = 30_000

const reasons: Readonly<Record<Exclude<Refusal, 'listener'>, string>> = {
  full: 'has as many connections as it may have',
  stopping: 'is stopping',
  lost: 'did not get a connection, as when no fd is free',
}

/** The name of the listener that a connection came by; undefined where it is none of ours. */
type NameOf = (connection: Connection) => string | undefined

/** What takes connections to a successor; undefined where either of us does without. */
export function migrationTo(
  successor: Successor,
  generation: Generation,
  listeners: Listeners,
): Migration | undefined {
  if (!generation.migrates || !successor.adopts) return undefined
  const nameOf: NameOf = ({ server }) => listeners.all.find((one) => one.server === server)?.name
  return new Migration(generation, successor, nameOf)
}

/**
 * Established connections move to the successor, each between two requests. Until its turn the
 * requests on it are answered here, so that nothing waits for the move of another connection.
 */
export class Migration {
  readonly #generation: Generation
  readonly #successor: Successor
  readonly #nameOf: NameOf
  readonly #crossing: Crossing
  /** `over`: whatever is here from now on drains. */
  #phase: 'moving' | 'over' = 'moving'
  readonly #refused = new WeakSet<Connection>()
  /** Became idle when there was no room. */
  readonly #waiting = new Set<Connection>()
  /** Busy, with the request after that left in the kernel. @see Migration.#hold */
  readonly #held = new Map<Connection, () => void>()
  readonly #since = performance.now()
  #walk: Iterator<Connection>
  #patience: NodeJS.Timeout | undefined
  readonly #undos: (() => void)[]

  constructor(generation: Generation, successor: Successor, nameOf: NameOf) {
    this.#generation = generation
    this.#successor = successor
    this.#nameOf = nameOf
    this.#walk = generation.connections[Symbol.iterator]()
    this.#crossing = new Crossing(successor, {
      room: () => this.#pump(),
      refused: (connection, why) => {
        this.#refused.add(connection)
        if (why !== 'listener') this.#end(reasons[why])
      },
      silent: () => this.#fellSilent(),
      answers: () => {
        clearTimeout(this.#patience)
        this.walk()
      },
    })
    this.#undos = [
      generation.connections.onRequest((connection) => {
        // When all that came with this request has been read.
        if (connection.exchanges.length > 1) process.nextTick(() => this.#hold(connection))
      }),
      generation.connections.onEnd((connection) => {
        if (connection.exchanges.length > 0) return this.#hold(connection)
        this.#waiting.add(connection)
        this.#pump()
        // No room: what it sends is answered here meanwhile.
        if (this.#waiting.has(connection)) this.#release(connection)
      }),
    ]
    void successor.toldToStop.then(() => this.#end(reasons.stopping))
    void successor.exited.then(() => {
      this.#crossing.abandon()
      this.#leaveOff()
    })
  }

  /** How many connections the successor has. */
  get moved(): number {
    return this.#crossing.moved
  }

  /** Looks at every connection; also at those that became idle without a response. */
  walk(): void {
    this.#walk = this.#generation.connections[Symbol.iterator]()
    this.#pump()
  }

  /**
   * Whether a connection is going to move, so that its client need not leave. One that could not
   * for half of the hammer's time is told to, before the hammer cuts it.
   */
  takes(connection: Connection): boolean {
    const { hammerTime } = this.#generation.settings.values
    const patience = Math.min(longestPatience, hammerTime === false ? Infinity : hammerTime / 2)
    const isLate = performance.now() - this.#since >= patience
    return this.#phase === 'moving' && !isLate && this.#canMove(connection)
  }

  /** Everything that the successor does not have for certain stays here. */
  cancel(): void {
    this.#crossing.cancel()
    this.#leaveOff()
  }

  #pump(): void {
    while (this.#phase === 'moving' && this.#crossing.hasRoom) {
      const connection = this.#next()
      if (!connection) break
      this.#crossing.offer(connection, this.#nameOf(connection) ?? '')
      // Whether it is read from is the crossing's to say from now on.
      this.#held.delete(connection)
    }
  }

  /**
   * A client that is always a request ahead (it pipelines, or has all of a response before that is
   * ended) would never be between two: from the end of a request on, the next one is left in the
   * kernel, where it would not be answered any sooner.
   */
  #hold(connection: Connection): void {
    const { exchanges, socket } = connection
    if (this.#held.has(connection) || exchanges.length === 0 || !isBetweenRequests(socket)) return
    if (this.#crossing.isSilent || !this.takes(connection)) return
    this.#held.set(connection, holdReading(socket))
  }

  #release(connection: Connection): void {
    this.#held.get(connection)?.()
    this.#held.delete(connection)
  }

  #next(): Connection | undefined {
    for (const connection of this.#waiting) {
      this.#waiting.delete(connection)
      if (this.#isReady(connection)) return connection
      this.#release(connection)
    }
    for (let next = this.#walk.next(); !next.done; next = this.#walk.next())
      if (this.#isReady(next.value)) return next.value
    return undefined
  }

  #isReady(connection: Connection): boolean {
    const { socket, exchanges } = connection
    if (exchanges.length > 0 || socket.readyState !== 'open' || !isFlushed(socket)) return false
    return !this.#crossing.has(connection) && isBetweenRequests(socket) && this.#canMove(connection)
  }

  #canMove(connection: Connection): boolean {
    const { server, session, socket } = connection
    if (session || !isPlainHttp(server)) return false
    if (this.#refused.has(connection) || !isParsed(socket)) return false
    return this.#nameOf(connection) !== undefined && this.#isWanted(socket)
  }

  #isWanted(socket: Socket): boolean {
    const { migrate } = this.#generation.settings.values
    if (typeof migrate !== 'function') return migrate
    try {
      return migrate(socket)
    } catch (error) {
      this.#generation.error('The migrate option threw: that connection drains', error)
      return false
    }
  }

  /** It hangs, or is slow: all connections are served here, and drain if that goes on. */
  #fellSilent(): void {
    const { stallTimeout } = this.#generation.settings.values
    this.#warn('does not answer: its connections are served here meanwhile')
    const why = `did not answer for ${stallTimeout} ms`
    for (const connection of this.#held.keys()) this.#release(connection)
    this.#patience = setTimeout(() => this.#end(why), stallTimeout).unref()
  }

  /** What is on its way is still answered; nothing more is offered. */
  #end(why: string): void {
    if (this.#phase === 'over') return
    this.#leaveOff()
    if (this.#generation.connections.size > this.#crossing.size)
      this.#warn(`${why}: the other connections drain here`)
  }

  #leaveOff(): void {
    this.#phase = 'over'
    clearTimeout(this.#patience)
    for (const undo of this.#undos.splice(0)) undo()
    for (const connection of this.#held.keys()) this.#release(connection)
    this.#waiting.clear()
  }

  #warn(what: string): void {
    this.#generation.warn(`Successor ${this.#successor.pid} ${what}.`)
  }
}
