import {
  type Connection,
  type Connections,
  describe,
  isEventStream,
  type Kind,
} from '../connections/index.js'
import type { Drained } from '../handover/index.js'
import type { Migration } from '../migration/index.js'
import { bytesReadOf, isFlushed, isParsed } from '../node/index.js'
import { Farewell } from './farewell.js'

/** How often a drain looks for connections that stall, in ms, at most. */
const sweepEvery = 1_000
/** How many requests a report names. */
const mostNamed = 3
const requestTimeout = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n'

/** What a hammer cut. */
export interface Cut {
  /** `GET /report, 61.2 s old`, oldest first. */
  readonly requests: readonly string[]
  readonly connections: number
  /** Whether work was lost: anything but idle connections. */
  readonly unfinished: boolean
}

/** What was seen of a connection when a sweep came by. */
interface Progress {
  readonly bytes: number
  readonly at: number
}

/**
 * Every connection moves to the successor, or is let finish: idle ones until their keep-alive
 * timeout, requests until their response; the last response says `Connection: close`. A connection
 * that keeps us waiting for a byte has a deadline, because Node's own timeouts are longer than any
 * drain.
 */
export class Drain {
  /** Settles when no connection is left. */
  readonly ended: Promise<void>
  readonly #connections: Connections
  readonly #stallTimeout: number
  readonly #gaveUp: (what: string, why: string) => void
  readonly #progress = new WeakMap<Connection, Progress>()
  /** Ended by us; a client that does not read may keep one for a while. */
  readonly #givenUp = new WeakSet<Connection>()
  #sweeper: NodeJS.Timeout
  /** From then on, by `performance.now()`, nobody waits for idle connections. */
  #idleUntil = Number.POSITIVE_INFINITY
  /** And for what has no end of its own. */
  #streamsUntil = Number.POSITIVE_INFINITY
  readonly #farewell: Farewell
  #looksSoon = false
  readonly #migration: Migration | undefined
  readonly #atStart: number
  readonly #cancelled = new AbortController()
  #cut = 0

  /**
   * @param gaveUp told of each connection that ran into a deadline
   * @param migration what connections need not end for
   */
  constructor(
    connections: Connections,
    stallTimeout: number,
    gaveUp: (what: string, why: string) => void,
    migration?: Migration,
  ) {
    this.#connections = connections
    this.#atStart = connections.size
    this.#stallTimeout = stallTimeout
    this.#gaveUp = gaveUp
    this.#migration = migration
    this.#farewell = new Farewell(
      connections,
      migration && ((one) => migration.takes(one)),
      migration && ((one) => migration.mayTake(one)),
    )
    migration?.onLeft(() => this.#lookSoon())
    this.#sweeper = this.#sweepWithin(stallTimeout)
    this.#sweep()
    this.ended = connections.whenEmpty(this.#cancelled.signal).then(() => {
      clearInterval(this.#sweeper)
      migration?.cancel()
    })
  }

  /**
   * The process is to end: connections that are idle do not hold the drain for longer than so many ms, and a
   * request that is on its way is still answered; nor does what has no end of its own and has been told.
   */
  shorten(idleGrace: number, streamGrace: number): void {
    const now = performance.now()
    this.#idleUntil = now + idleGrace
    this.#streamsUntil = now + streamGrace
    clearInterval(this.#sweeper)
    this.#sweeper = this.#sweepWithin(Math.min(this.#stallTimeout, idleGrace, streamGrace))
  }

  /** What is waited for: requests, oldest first, and how many connections that are at none. */
  get holds(): string[] {
    const all = [...this.#connections]
    const requests = all.flatMap(({ exchanges }) => exchanges)
    const named = requests.toSorted((a, b) => a.startedAt - b.startedAt).slice(0, mostNamed)
    const others = all.filter(({ exchanges }) => exchanges.length === 0)
    // Not by their kinds: to tell them apart takes some ms of a process that has thousands.
    const upgraded = others.filter(({ session, socket }) => !session && !isParsed(socket)).length
    const counts: [number, string][] = [
      [requests.length - named.length, 'more requests'],
      [upgraded, 'upgraded connections'],
      [others.length - upgraded, 'idle connections'],
    ]
    const counted = counts.filter(([count]) => count > 0)
    return [...named.map(describe), ...counted.map(([count, what]) => `${count} ${what}`)]
  }

  /** What became of the connections so far. */
  get counts(): Drained {
    const moved = this.#migration?.moved ?? 0
    const drained = this.#atStart - this.#connections.size - moved - this.#cut
    // A connection that came while it was counted may end in it, too.
    return { moved, drained: Math.max(0, drained), cut: this.#cut }
  }

  /** Back to normal service. */
  cancel(): void {
    this.#cancelled.abort()
    clearInterval(this.#sweeper)
    this.#migration?.cancel()
    this.#farewell.takeBack()
  }

  /** Destroys what is left. */
  hammer(): Cut {
    this.#migration?.cancel()
    const kinds = this.#connections.kinds()
    const exchanges = [...kinds.keys()].flatMap((connection) => connection.exchanges)
    const cut: Cut = {
      requests: exchanges.map(describe),
      connections: kinds.size,
      unfinished: [...kinds.values()].some((kind) => kind !== 'idle' && kind !== 'silent'),
    }
    for (const { session, socket } of kinds.keys()) {
      session?.destroy()
      socket.destroy()
    }
    this.#cut += kinds.size
    return cut
  }

  #moves(connection: Connection): boolean {
    return this.#migration?.takes(connection) ?? false
  }

  /** Once for all that are left behind in one turn: a look goes over every connection. */
  #lookSoon(): void {
    if (this.#looksSoon) return
    this.#looksSoon = true
    process.nextTick(() => {
      this.#looksSoon = false
      if (!this.#cancelled.signal.aborted) this.#farewell.look()
    })
  }

  /** Looks often enough for a deadline of so many ms. */
  #sweepWithin(deadline: number): NodeJS.Timeout {
    return setInterval(() => this.#sweep(), Math.min(sweepEvery, deadline / 4 + 1))
  }

  #sweep(): void {
    this.#migration?.walk()
    this.#farewell.look()
    const now = performance.now()
    for (const [connection, kind] of this.#connections.kinds()) {
      if (now >= this.#idleUntil && isIdle(connection, kind) && !this.#moves(connection)) {
        connection.socket.destroy()
        continue
      }
      if (now >= this.#streamsUntil) this.#endStreams(connection, kind)
      const bytes = bytesReadOf(connection.socket)
      // Whether something comes is not known: then nobody can say that nothing does.
      if (bytes === undefined) continue
      const seen = this.#progress.get(connection)
      if (seen?.bytes !== bytes) {
        this.#progress.set(connection, { bytes, at: now })
      } else if (now - seen.at >= this.#stallTimeout && waitsForClient(connection, kind)) {
        if (!this.#givenUp.has(connection)) this.#end(connection, kind)
      }
    }
  }

  /** Its drainSignal was the word to end; whoever did not hear it does not hold a stop. */
  #endStreams({ socket, exchanges }: Connection, kind: Kind): void {
    const why = 'it has no end of its own, and has outlived drainSignal by streamGrace'
    if (kind === 'upgraded' && !socket.destroyed) {
      this.#gaveUp('an upgraded connection', why)
      socket.destroy()
    }
    for (const exchange of exchanges.filter(isEventStream)) {
      const { destroyed } = exchange.stream ?? socket
      if (!destroyed) this.#gaveUp(describe(exchange), why)
      if (exchange.stream) exchange.stream.destroy()
      else socket.destroy()
    }
  }

  #end(connection: Connection, kind: Kind): void {
    const { socket, exchanges } = connection
    this.#givenUp.add(connection)
    const last = exchanges.at(-1)
    const what = last ? describe(last) : `${kind} connection`
    this.#gaveUp(what, `nothing came for ${this.#stallTimeout} ms`)
    if (kind === 'active') return void socket.destroy()
    if (kind === 'partial') socket.write(requestTimeout)
    socket.destroySoon()
  }
}

/** Whether nothing is under way on it. An HTTP/2 session ends by its GOAWAY. */
function isIdle({ session, socket }: Connection, kind: Kind): boolean {
  return !session && isFlushed(socket) && (kind === 'idle' || kind === 'silent')
}

/** Whether the next byte has to come from the client, and no timeout of Node's sees to that. */
function waitsForClient({ server, exchanges }: Connection, kind: Kind): boolean {
  if (kind === 'silent' || kind === 'partial') return true
  // With keepAliveTimeout 0 an idle connection stays for ever; else Node ends it in time.
  if (kind === 'idle') return 'keepAliveTimeout' in server && server.keepAliveTimeout === 0
  const request = exchanges.at(-1)?.http1?.request
  if (!request || request.complete || request.headers.expect !== undefined) return false
  // A body that the app does not read is the app's delay, not the client's.
  return request.readableLength < request.readableHighWaterMark
}
