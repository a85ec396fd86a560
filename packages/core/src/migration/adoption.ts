import type { Server } from 'node:net'
import type { Connections } from '../connections/index.js'
import type { Generation } from '../generation/index.js'
import type { Fact, Offer, Predecessor, Refusal, Verdict } from '../handover/index.js'
import type { Listeners } from '../listeners/index.js'
import {
  type Accept,
  acceptorOf,
  type Channel,
  closeChannels,
  countOn,
  fdLimit,
  type Handle,
  isFull,
  isPlainHttp,
  isTls,
  missingForMigration,
  openChannel,
  settle,
  speaksHttp,
  whyNoUpgrade,
} from '../node/index.js'
import type { Peer } from '../supervision/index.js'
import type { Arrival } from '../talk/index.js'
import { askAgain, shakeHandsAgain } from './again.js'
import { bring } from './carry.js'
import { InTurn } from './inturn.js'

/** How many of its fds a process leaves for what it accepts and opens itself. */
const fdsKeptFree = 0.1

/** A connection that is here and not ours yet. */
interface Held {
  readonly handle: Handle
  readonly accept: Accept
  readonly isCarried: boolean
  /** It is ours, or will not be: until then this process must not end. */
  readonly settled: () => void
}

/**
 * From here on connections may come from the predecessor, where this Node can do it.
 * @returns lets none come any more
 */
export function openForConnections(generation: Generation, listeners: Listeners): () => void {
  const { predecessor, settings } = generation
  const { lanes = [] } = predecessor?.handover ?? {}
  if (settings.values.migrate === false || whyNoUpgrade() !== undefined) {
    closeChannels(lanes)
    return () => {}
  }
  const handles = listeners.all.flatMap(({ handle }) => handle ?? [])
  const missing = missingForMigration(handles)
  let close: (() => void) | undefined
  if (missing.length === 0 && predecessor?.alive) {
    const serverOf = (name: string): Server | undefined =>
      listeners.all.find(({ inheritedAs }) => inheritedAs === name)?.server
    const adoption = new Adoption(generation, predecessor, serverOf)
    for (const { server } of listeners.all) adoption.prepare(server)
    close = takeBy(lanes.map(openChannel).filter(isChannel), adoption)
  } else {
    closeChannels(lanes)
  }
  generation.migrates = missing.length === 0
  if (!generation.migrates)
    generation.warn(
      `Connections drain and do not move: Node ${process.version} has no ${missing.join(', ')}, ` +
        'or one that works differently.',
    )
  return close ?? (() => {})
}

/** @returns closes them */
function takeBy(lanes: readonly Channel[], adoption: Adoption): () => void {
  for (const lane of lanes) {
    // What keeps us alive is our servers.
    lane.unref()
    lane.listen((offer, handle) => adoption.take(offer as Offer, handle))
  }
  return () => {
    for (const lane of lanes) lane.close()
  }
}

function isChannel(channel: Channel | undefined): channel is Channel {
  return channel !== undefined
}

/** Takes what another worker of the fleet has too many of; until that closes its pipes. */
export function takeFrom(peer: Peer, generation: Generation, listeners: Listeners): void {
  const serverOf = (name: string): Server | undefined => listeners.named(name)?.server
  takeBy(peer.lanes, new Adoption(generation, peer, serverOf))
  void peer.gone.then(() => peer.close())
}

/** Whose connections are counted already. */
const counted = new WeakSet<Connections>()

/** Node counts from the first request that it saw itself. */
function countAdopted(connections: Connections): void {
  if (counted.has(connections)) return
  counted.add(connections)
  connections.onAdoptedRequest(({ adopted, server }) => countOn(server, adopted))
}

/** Who gives them: the predecessor, or another worker of the fleet. */
export type Giver = Pick<Predecessor, 'alive' | 'gone' | 'onVerdict' | 'answer' | 'poll'>

/** Takes established connections from the predecessor, the other end of a `Crossing`. */
export class Adoption {
  readonly #generation: Generation
  readonly #giver: Giver
  readonly #serverOf: (listener: string) => Server | undefined
  readonly #held = new Map<number, Held>()
  readonly #acceptors = new WeakMap<Server, Held['accept']>()
  /** Taken back before they came. */
  readonly #kept = new Set<number>()
  readonly #mostFds = (fdLimit() ?? Number.POSITIVE_INFINITY) * (1 - fdsKeptFree)
  readonly #inTurn = new InTurn()
  #taken: number[] = []
  #flush: NodeJS.Immediate | undefined

  /** @param serverOf whose listener the predecessor knows by that name */
  constructor(
    generation: Generation,
    giver: Giver,
    serverOf: (listener: string) => Server | undefined,
  ) {
    this.#generation = generation
    this.#giver = giver
    this.#serverOf = serverOf
    giver.onVerdict((verdict) => this.#hear(verdict))
    countAdopted(generation.connections)
    const stop = generation.connections.onAdoptedRequest(() => {
      if (this.#held.size > 0 && this.#inTurn.isDue) this.#hurry()
    })
    void giver.gone.then(stop)
    // It died before it said whose they are: it may have read of them, and what it had read is gone.
    void giver.gone.then(() => {
      for (const id of [...this.#held.keys()]) this.#drop(id)
    })
  }

  /**
   * Connections may come for this server also when it listens no more: a generation that has handed over
   * passes on what its predecessor still sends.
   */
  prepare(server: Server): Held['accept'] | undefined {
    const accept = this.#acceptors.get(server) ?? acceptorOf(server)
    if (accept) this.#acceptors.set(server, accept)
    return accept
  }

  /** @param handle undefined where it was lost on the way */
  take(offer: Offer, handle: Handle | undefined): void {
    if (this.#kept.delete(offer.id)) {
      handle?.close()
      return this.#giver.answer({ endless: 'kept', ids: [offer.id] })
    }
    if (!handle) return this.#refuse(offer.id, 'lost')
    const server = this.#serverOf(offer.listener)
    const accept = server && fits(server, offer) ? this.prepare(server) : undefined
    const why = this.#whyNot(server, handle)
    if (why || !accept) {
      handle.close()
      return this.#refuse(offer.id, why ?? 'listener')
    }
    const settled = this.#generation.connections.comes()
    this.#held.set(offer.id, { handle, accept, isCarried: offer.carried === true, settled })
    if (!this.#giver.alive) return void this.#drop(offer.id)
    this.#taken.push(offer.id)
    // One answer for all that came in this turn of the event loop.
    this.#flush ??= setImmediate(() => this.#answer())
  }

  #answer(): void {
    this.#flush = undefined
    const ids = this.#taken.splice(0)
    if (ids.length > 0) this.#giver.answer({ endless: 'taken', ids })
  }

  /** In the midst of a long turn: those that are here wait for no more than the next word. */
  #hurry(): void {
    this.#answer()
    this.#giver.poll()
  }

  #hear(verdict: Verdict): void {
    const { ids } = verdict
    if (verdict.endless === 'yours')
      return ids.forEach((id, n) => void this.#adopt(id, verdict.facts[n], verdict.heard))
    this.#taken = this.#taken.filter((id) => !ids.includes(id))
    const kept: number[] = []
    for (const id of ids) {
      // Without it, it is still in its lane, which is not free before that is read.
      if (this.#drop(id)) kept.push(id)
      else this.#kept.add(id)
    }
    if (kept.length > 0) this.#giver.answer({ endless: 'kept', ids: kept })
  }

  /** @returns whether it was here */
  #drop(id: number): boolean {
    const held = this.#held.get(id)
    this.#held.delete(id)
    held?.handle.close()
    held?.settled()
    return held !== undefined
  }

  #whyNot(server: Server | undefined, handle: Handle): Refusal | undefined {
    if (!this.#generation.takesConnections) return 'stopping'
    if (handle.fd >= this.#mostFds || (server && isFull(server, this.#held.size))) return 'full'
    return undefined
  }

  #refuse(id: number, why: Refusal): void {
    // In order: a refusal ends the move, and those that were taken before it go all the same.
    this.#answer()
    this.#giver.answer({ endless: 'refused', ids: [id], why })
  }

  #adopt(id: number, fact: Fact = { requests: 0 }, heard?: number): void {
    const held = this.#held.get(id)
    if (!held) return
    this.#held.delete(id)
    // Each for itself: a 'connection' listener that throws takes no other connection with it.
    process.nextTick(() => {
      try {
        this.#accept(held, fact, heard)
      } finally {
        held.settled()
      }
    })
  }

  #accept(held: Held, fact: Fact, heard: number | undefined): void {
    const { requests, rest, head, answer } = fact
    const known = { state: parsed(fact.state), baggage: parsed(fact.baggage) }
    const arrival = held.isCarried ? this.#expect(heard, head !== undefined) : undefined
    // Before the app's 'connection' handler, which asks.
    const socket = held.accept(held.handle, (one) => {
      if (answer === undefined) bring(one, known)
      if (head !== undefined) arrival?.comesBy(one)
    })
    const connection = socket && this.#generation.connections.of(socket)
    if (!connection) return arrival?.drop()
    // What its 'connection' handler has said itself, it has heard.
    if (head === undefined) arrival?.is(connection.socket)
    this.#generation.connections.adopted++
    connection.requests = requests
    connection.adopted = requests
    const warn = (message: string): void => this.#generation.warn(message)
    const over = (): void => arrival?.drop()
    if (head !== undefined && answer !== undefined) {
      askAgain(connection, { head, answer, known, over }, warn)
      // It was counted where it came.
      this.#generation.connections.requests--
    } else if (head !== undefined) shakeHandsAgain(connection, head, warn)
    else if (requests > 0) settle(connection.server, connection.socket, rest)
  }

  /** @param later whether its client is there only when its handshake was replayed */
  #expect(heard: number | undefined, later: boolean): Arrival | undefined {
    return heard === undefined ? undefined : this.#generation.talk.expect(heard, later)
  }
}

/** Whether a server can go on with it. */
function fits(server: Server, { carried, replayed }: Offer): boolean {
  if (!carried) return isPlainHttp(server)
  return !isTls(server) && speaksHttp(server) === (replayed === true)
}

function parsed(json: string | undefined): unknown {
  return json === undefined ? undefined : JSON.parse(json)
}
