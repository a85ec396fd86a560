import { EndlessError, messageOf } from '../errors.js'
import type { Generation } from '../generation/index.js'
import type { Listeners } from '../listeners/index.js'
import { give, takeFrom } from '../migration/index.js'
import type { Channel } from '../node/index.js'
import {
  type Peer,
  peerOf,
  type Supervisor,
  type ToWorker,
  type Wish,
} from '../supervision/index.js'
import type { Departure } from './departure.js'
import type { SignalActions } from './signals.js'
import type { Spawner } from './upgrade.js'

/** How often a worker says how it is, in ms. */
const beatEvery = 1_000

/** What a worker can be told to do. */
export interface WorkerActions {
  upgrade(spawner: Spawner): Promise<{ pid: number }>
  /** Ends the upgrade that is under way, where there is one. */
  stopUpgrade(why: EndlessError): void
  readonly departure: Departure
}

/** This process as one of a fleet: it does what the supervisor says, and asks it for what concerns all. */
export class Worker {
  /** What is wanted of this worker is wanted of all. */
  readonly wishes: SignalActions
  readonly #generation: Generation
  readonly #supervisor: Supervisor
  readonly #listeners: Listeners
  readonly #actions: WorkerActions
  readonly #beats: NodeJS.Timeout
  #beatAt = performance.now()
  #giving = Promise.resolve()
  #uninstalled = false
  /** Those that wait for a successor of this one. */
  readonly #handedOver = new Set<() => void>()

  constructor(
    generation: Generation,
    supervisor: Supervisor,
    listeners: Listeners,
    actions: WorkerActions,
  ) {
    this.#generation = generation
    this.#supervisor = supervisor
    this.#listeners = listeners
    this.#actions = actions
    this.wishes = {
      upgrade: (before) => this.#upgradeAll(before),
      // Of a fleet that has no supervisor any more, each is on its own.
      stop: (before) =>
        supervisor.alive ? this.#wish('shutdown', before) : actions.departure.stop(before),
      // Whoever hammers does not wait.
      hammer: () => void this.#wish('hammer', async () => {}).catch(() => {}),
    }
    supervisor.onOrder((order, ends) => this.#obey(order, ends))
    void supervisor.gone.then(() => this.#isAlone())
    this.#beats = setInterval(() => this.#beat(), beatEvery).unref()
  }

  /** It is about to die: a replacement for this one alone. */
  renew(): Promise<void> {
    return this.#wish('renew', async () => {})
  }

  uninstall(): void {
    this.#uninstalled = true
    clearInterval(this.#beats)
    this.#supervisor.uninstall()
  }

  async #upgradeAll(before: () => Promise<void>): Promise<void> {
    try {
      await before()
    } catch (error) {
      this.#generation.error('Upgrade failed', error)
      if (error instanceof EndlessError)
        this.#generation.tell('endless:upgrade', { phase: 'failed', error })
      throw error
    }
    let told = (): void => {}
    const handedOver = new Promise<void>((resolve) => {
      told = resolve
    })
    this.#handedOver.add(told)
    // As without a supervisor: whoever asks may be a request here, and with a surge the rest of the reload
    // waits for the end of this drain.
    await Promise.race([this.#wish('upgrade', async () => {}), handedOver]).finally(() =>
      this.#handedOver.delete(told),
    )
  }

  async #wish(wish: Wish, before: () => Promise<void>): Promise<void> {
    await before()
    try {
      await this.#supervisor.wish(wish)
    } catch (error) {
      this.#generation.warn(`The supervisor refused (${wish})`, { err: error })
      throw error
    }
  }

  #obey(order: ToWorker, ends: readonly Channel[]): void {
    const { departure } = this.#actions
    const peer = peerOf(ends)
    switch (order.endless) {
      case 'upgrade':
        return void this.#upgrade(order.id, order.plan)
      case 'apart':
        return this.#actions.stopUpgrade(new EndlessError('ERR_ENDLESS_STOPPED', order.why))
      case 'takeBack':
        return departure.takeBack(order.why)
      case 'give':
        if (peer) this.#giving = this.#give(peer, order)
        else this.#generation.warn(`Pipes to worker ${order.to} were lost: it gets no connection.`)
        return
      case 'take':
        if (peer) takeFrom(peer, this.#generation, this.#listeners)
        else
          this.#generation.warn('Pipes to another worker were lost: none of its connections come.')
        return
      case 'stop':
        return void departure.stop(async () => {})
      case 'hammer':
        return this.#hammer()
    }
  }

  async #upgrade(id: number, plan: ReturnType<Spawner['plan']>): Promise<void> {
    const { supervisor } = this.#generation
    try {
      const { pid } = await this.#actions.upgrade({
        plan: () => plan,
        start: (changed, parcel, readyTimeout) =>
          this.#supervisor.startSuccessor(id, changed, parcel, readyTimeout),
      })
      supervisor?.tell({ endless: 'upgraded', id, pid })
      for (const told of this.#handedOver) told()
      this.#handedOver.clear()
    } catch (error) {
      const code = error instanceof EndlessError ? error.code : 'ERR_ENDLESS_SPAWN'
      supervisor?.tell({ endless: 'failed', id, code, message: messageOf(error) })
    }
  }

  async #give(peer: Peer, { count, to }: Extract<ToWorker, { endless: 'give' }>): Promise<void> {
    // One after the other: each looks for those that are at no request.
    await this.#giving
    const isFree = this.#generation.state === 'ready' && this.#generation.migrates
    const given = isFree ? await give(peer, this.#generation, this.#listeners, count) : 0
    if (!isFree) peer.close()
    if (given > 0) this.#generation.info(`Gave ${given} connections to worker ${to}.`)
    else this.#generation.info(`Could give none of ${count} connections to worker ${to}.`)
  }

  #hammer(): void {
    try {
      this.#actions.departure.hammer()
    } catch (error) {
      // It was told of while it came back, or before it began.
      this.#generation.info(messageOf(error))
    }
  }

  /** Nobody replaces this process any more, and the next supervisor needs the port. */
  #isAlone(): void {
    if (this.#uninstalled || this.#generation.state === 'exited') return
    this.#generation.warn('The supervisor is gone: finishing what is here, and leaving.')
    void this.#actions.departure.stop(async () => {})
  }

  #beat(): void {
    const now = performance.now()
    const delay = Math.max(0, now - this.#beatAt - beatEvery)
    this.#beatAt = now
    const { size, inFlight, requests } = this.#generation.connections
    this.#supervisor.tell({
      endless: 'beat',
      rss: process.memoryUsage.rss(),
      delay,
      connections: size,
      inFlight,
      requests,
    })
  }
}
