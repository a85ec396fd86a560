import type { Connection } from '../connections/index.js'
import type { Generation } from '../generation/index.js'
import type { Refusal, Successor } from '../handover/index.js'
import type { Listeners } from '../listeners/index.js'
import { holdReading, idleFor, isBetweenRequests } from '../node/index.js'
import { Asker } from './asker.js'
import { Candidates, type NameOf, namesIn } from './candidates.js'
import { carriageOf } from './carry.js'
import { Crossing } from './crossing.js'
import { Pace } from './pace.js'

/** How long a connection may hope to move, in ms, at most. */
const longestPatience = 30_000

const reasons: Readonly<Record<Exclude<Refusal, 'listener'>, string>> = {
  full: 'has as many connections as it may have',
  stopping: 'is stopping',
  lost: 'did not get a connection, as when no fd is free',
}

/** Whoever has not asked for so long will not ask the moment that it has moved, in ms. */
const quietFor = 1_000

/** What takes connections to a successor; undefined where either of us does without. */
export function migrationTo(
  successor: Successor,
  generation: Generation,
  listeners: Listeners,
): Migration | undefined {
  if (!generation.migrates || !successor.adopts) return undefined
  const nameOf = namesIn(listeners)
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
  readonly #candidates: Candidates
  readonly #pace: Pace
  /** Busy, with the request after that left in the kernel. @see Migration.#hold */
  readonly #held = new Map<Connection, () => void>()
  readonly #since = performance.now()
  #patience: NodeJS.Timeout | undefined
  readonly #asker: Asker
  /** Ends the watch for connections that become idle, while there is one. */
  readonly #unwatch: (() => void)[] = []
  #left: () => void = () => {}

  constructor(generation: Generation, successor: Successor, nameOf: NameOf) {
    this.#generation = generation
    this.#successor = successor
    this.#nameOf = nameOf
    this.#candidates = new Candidates(
      generation,
      nameOf,
      (one) => this.#crossing.has(one),
      () => this.#left(),
    )
    this.#asker = new Asker(this.#candidates, {
      offer: (next) => this.#offerAll(next),
      hold: (one) => this.#holdCarried(one),
      release: (one) => this.#release(one),
    })
    this.#pace = new Pace(generation.settings.values.slowStart, () => this.#pump())
    this.#crossing = new Crossing(successor, {
      standing: (connection) => this.#candidates.standing(connection),
      pack: (connection) => this.#candidates.pack(connection),
      gone: (connection) => this.#candidates.bidFarewell(connection),
      heard: () => generation.talk.heardOf(successor),
      room: () => this.#pump(),
      refused: (connection, why) => {
        this.#candidates.refuse(connection)
        if (why !== 'listener') this.#end(reasons[why])
        this.#left()
      },
      silent: () => this.#fellSilent(),
      answers: () => {
        clearTimeout(this.#patience)
        this.walk()
      },
    })
    void successor.toldToStop.then(() => this.#end(reasons.stopping))
    void successor.exited.then(() => {
      this.#crossing.abandon()
      this.#leaveOff()
      this.#left()
    })
  }

  /** How many connections the successor has. */
  get moved(): number {
    return this.#crossing.moved
  }

  /** Called when a connection that was to move does not: it is refused, or nobody moves any more. */
  onLeft(call: () => void): void {
    this.#left = call
  }

  /** Looks at every connection; also at those that became idle without a response. */
  walk(): void {
    this.#candidates.walk()
    this.#pump()
    if (this.#phase === 'moving') this.#asker.start()
  }

  #offerAll(next: () => Connection | undefined): boolean {
    while (this.#crossing.hasRoom && this.#pace.hasRoom) {
      const connection = next()
      if (!connection) return true
      this.#offer(connection)
    }
    return false
  }

  /**
   * Whether a connection is going to move, so that its client need not leave. One that could not
   * for half of the hammer's time is told to, before the hammer cuts it.
   */
  takes(connection: Connection): boolean {
    return this.#goesOn && this.#candidates.canMove(connection)
  }

  /** As {@link Migration.takes}, without a question to the app. */
  mayTake(connection: Connection): boolean {
    return this.#goesOn && this.#candidates.mayMove(connection)
  }

  get #goesOn(): boolean {
    const { hammerTime } = this.#generation.settings.values
    const patience = Math.min(longestPatience, hammerTime === false ? Infinity : hammerTime / 2)
    return this.#phase === 'moving' && performance.now() - this.#since < patience
  }

  /** Everything that the successor does not have for certain stays here. */
  cancel(): void {
    this.#crossing.cancel()
    this.#leaveOff()
  }

  /** Each is looked at once from the first on, and if there is room still, from then on they tell. */
  #pump(): void {
    let isLastLook = this.#isWatching
    while (this.#phase === 'moving' && this.#crossing.hasRoom && this.#pace.hasRoom) {
      const connection = this.#candidates.next((one) => this.#release(one))
      if (connection) this.#offer(connection)
      else if (isLastLook) return this.#watch()
      else {
        isLastLook = true
        this.#candidates.walk()
      }
    }
  }

  #offer(connection: Connection): void {
    const asksNothing = isIdle(connection)
    this.#pace.take(asksNothing)
    // Thousands of those keep a successor busy with nothing but themselves.
    const took = asksNothing ? undefined : (ms: number) => this.#pace.answered(ms)
    const goOn = this.#held.get(connection)
    // Whether it is read from is the crossing's to say from now on.
    this.#held.delete(connection)
    this.#crossing.offer(connection, this.#nameOf(connection) ?? '', took, goOn)
  }

  get #isWatching(): boolean {
    return this.#unwatch.length > 0
  }

  /**
   * Hears of every request and response. Only where it is needed: whoever listens to a response makes
   * an object of another shape of it, and the optimised code of this process, which still serves most
   * clients, is then compiled anew.
   */
  #watch(): void {
    const { connections } = this.#generation
    const isHere = (one: Connection): boolean => !one.socket.destroyed && !this.#crossing.has(one)
    if (this.#isWatching || ![...connections].some(isHere)) return
    this.#unwatch.push(
      connections.onRequest((connection) => {
        this.#crossing.hurry()
        // When all that came with this request has been read.
        if (connection.exchanges.length > 1) process.nextTick(() => this.#hold(connection))
      }),
      connections.onEnd((connection) => {
        if (connection.exchanges.length > 0) return this.#hold(connection)
        this.#candidates.wait(connection)
        this.#pump()
        // No room: what it sends is answered here meanwhile.
        if (this.#candidates.isWaiting(connection)) this.#release(connection)
      }),
    )
  }

  /**
   * A client that is always a request ahead (it pipelines, or has all of a response before that is
   * ended) would never be between two: from the end of a request on, the next one is left in the
   * kernel, where it would not be answered any sooner.
   */
  #hold(connection: Connection): void {
    if (this.#crossing.has(connection)) return this.#crossing.hold(connection)
    const { exchanges, socket } = connection
    if (this.#held.has(connection) || exchanges.length === 0 || !isBetweenRequests(socket)) return
    if (this.#crossing.isSilent || !this.#pace.hasRoom || !this.takes(connection)) return
    this.#held.set(connection, holdReading(socket))
  }

  /** One of the app's own protocol. */
  #holdCarried(connection: Connection): void {
    if (this.#held.has(connection) || this.#crossing.isSilent || !this.#pace.hasRoom) return
    this.#held.set(connection, holdReading(connection.socket))
  }

  #release(connection: Connection): void {
    this.#held.get(connection)?.()
    this.#held.delete(connection)
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
    this.#left()
  }

  #leaveOff(): void {
    this.#phase = 'over'
    this.#pace.stop()
    this.#asker.stop()
    clearTimeout(this.#patience)
    for (const end of this.#unwatch.splice(0)) end()
    for (const connection of this.#held.keys()) this.#release(connection)
    this.#candidates.clear()
  }

  #warn(what: string): void {
    this.#generation.warn(`Successor ${this.#successor.pid} ${what}.`)
  }
}

/** Whether its client has asked for nothing for a while; of one in a protocol of the app nobody knows. */
function isIdle({ requests, socket }: Connection): boolean {
  return !carriageOf(socket) && (requests === 0 || idleFor(socket) >= quietFor)
}
