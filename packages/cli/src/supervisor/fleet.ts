import { constants } from 'node:os'
import {
  EndlessError,
  type Exit,
  type Handle,
  startWorker,
  type ToSupervisor,
} from '@endlessjs/core/fleet'
import { Holder } from './holder.js'
import type { Mouth } from './mouth.js'
import { Nursery } from './nursery.js'
import { Relay } from './relay.js'
import { findRelease, type Recipe, type Release } from './release.js'
import type { Step } from './reload.js'
import { Repair } from './repair.js'
import { type Order, Rollouts } from './rollouts.js'
import { Row } from './row.js'
import type { Slot } from './slot.js'
import type { Takeover } from './takeover.js'
import { Totals } from './totals.js'
import type { Voice } from './voice.js'
import { grantWish } from './wishes.js'
import type { Worker } from './worker.js'

/** How a fleet is run. Times in ms. */
export interface FleetOptions {
  readonly workers: number
  /** How many successors a reload starts at a time. */
  readonly surge: number
  readonly readyTimeout: number
  readonly maxRestarts: number
}

/** Who is told of what concerns the whole service. */
export interface Onlooker {
  /** @param ended settles as the reload does */
  reloads(ended: Promise<void>): void
  ends(): void
}

/** `ending`: nothing is started any more. */
export type FleetState = 'starting' | 'serving' | 'reloading' | 'ending'

type Phase = Exclude<FleetState, 'reloading'>

/** The workers of one service. It holds their listeners and accepts nothing; no request passes it. */
export class Fleet {
  readonly holder: Holder = new Holder()
  /** Settles with the exit code when the last worker is gone. */
  readonly ended: Promise<number>
  /** What the last successful reload loaded: a crash brings back this. */
  release: Release
  onlooker: Onlooker | undefined
  readonly totals: Totals = new Totals()
  /** When a worker heard of the stop before the supervisor did, from `performance.now()`. */
  stoppedByWorkerAt: number = Number.NEGATIVE_INFINITY
  #phase: Phase = 'starting'
  readonly #recipe: Recipe
  readonly #options: FleetOptions
  readonly #voice: Voice
  readonly #nursery: Nursery
  readonly #repair: Repair
  readonly #relay = new Relay()
  /** The last one. */
  #renewing: Promise<void> | undefined
  readonly #rollouts: Rollouts
  readonly #row = new Row()
  readonly #codes: number[] = []
  /** That could not be brought to the committed release. */
  readonly #hopeless = new WeakSet<Worker>()
  /** Where it ends for a reason of its own. */
  #code: number | undefined
  #end: (code: number) => void = () => {}

  constructor(
    recipe: Recipe,
    options: FleetOptions,
    mouth: Mouth,
    voice: Voice,
    start: typeof startWorker = startWorker,
  ) {
    this.#recipe = recipe
    this.#options = options
    this.#voice = voice
    this.#rollouts = new Rollouts(voice)
    this.release = findRelease(recipe)
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
    this.#nursery = new Nursery(
      this.holder,
      mouth,
      (worker, message, cargo) => this.#hear(worker, message, cargo),
      (slot, worker) => void this.#joined(slot, worker),
      (slot, worker) => this.#relay.appoint(slot, worker),
      start,
    )
    const repairs = {
      fill: (slot: Slot) => this.#fill(slot),
      giveUp: (exit: Exit) => this.#giveUp(exit),
    }
    this.#repair = new Repair(options.maxRestarts, repairs, voice)
  }

  get state(): FleetState {
    return this.#phase === 'serving' && this.#rollouts.isBusy ? 'reloading' : this.#phase
  }

  get isEnding(): boolean {
    return this.#phase === 'ending'
  }

  get slots(): readonly Slot[] {
    return this.#row.slots
  }

  /** Those that have not exited. */
  get living(): Worker[] {
    return this.#row.living
  }

  /** Settles when all serve; rejects when one does not, with what it was: then the fleet ends. */
  async start(): Promise<void> {
    try {
      // The first binds what the others inherit.
      await this.#add()
      if (this.isEnding) return
      const { workers } = this.#options
      await Promise.all(Array.from({ length: workers - 1 }, () => this.#add()))
    } catch (error) {
      if (this.isEnding) return
      // As without us: an app that cannot start ends with its own code. One that we have ended has none.
      const own = error instanceof EndlessError && itsOwn.includes(error.code)
      const exit = this.slots.find(({ lastExit }) => lastExit)?.lastExit
      this.#code = own && exit ? codeOf(exit) : 1
      this.stop()
      throw error
    }
    if (!this.isEnding) this.#phase = 'serving'
  }

  /**
   * All go over to what the recipe leads to now.
   * @throws EndlessError `ERR_ENDLESS_UPGRADE_IN_PROGRESS`, or what failed: then the old release serves
   */
  async reload(watch: (step: Step) => void = () => {}): Promise<void> {
    // That one worker is being renewed is no reload of anybody: a deploy that comes then is not refused.
    // Without one it begins in this very turn: of those that wait, the next one finds it busy.
    if (this.#renewing) await this.#renewing.catch(() => {})
    this.#throwIfNotServing()
    this.#rollouts.throwIfBusy()
    const ended = this.totals.count(this.#goOver(watch))
    this.onlooker?.reloads(ended)
    await ended
  }

  async #goOver(watch: (step: Step) => void): Promise<void> {
    const release = findRelease(this.#recipe)
    const { surge } = this.#options
    const slots = this.slots.filter(({ current }) => current?.state === 'serving')
    if (slots.length === 0)
      throw new EndlessError(
        'ERR_ENDLESS_NOT_READY',
        'no worker serves just now, so none can hand over: wait until one does (endless status), or stop the ' +
          'service and start it again',
      )
    await this.#roll({ slots, release, before: this.release, surge }, watch, () => {
      this.release = release
    })
  }

  /** Settles when no reload is under way. */
  settled(): Promise<void> {
    return this.#rollouts.settled()
  }

  /** A worker is replaced with no request lost, by one of the same release. */
  async renew(slot: Slot): Promise<void> {
    this.#throwIfNotServing()
    const { release } = this
    const order = { slots: [slot], release, before: release, surge: 1 }
    const { isBusy } = this.#rollouts
    const renewing = this.#roll(order)
    if (!isBusy) this.#renewing = renewing
    await renewing
  }

  /** It is about to die of an exception; throws where nothing but more of them is to be expected. */
  async replace(worker: Worker): Promise<void> {
    const slot = this.#row.slotOf(worker)
    if (!slot) return
    worker.hasCrashed = true
    slot.crashes.add(worker.age)
    if (slot.crashes.pause > 0)
      throw new EndlessError(
        'ERR_ENDLESS_STOPPED',
        `worker ${slot.index} crashes again and again: there is no handover`,
      )
    await this.renew(slot)
  }

  /** @returns how many there are then; throws what an upgrade throws where one more cannot start */
  async scale(count: number): Promise<number> {
    this.#throwIfNotServing()
    this.#voice.say(`Scaling from ${this.slots.length} to ${count} workers.`)
    const more = Math.max(0, count - this.slots.length)
    await Promise.all(Array.from({ length: more }, () => this.#add()))
    await this.#row.shorten(count)
    return this.slots.length
  }

  /** In order; a second time at once. */
  stop(): void {
    if (this.isEnding) {
      for (const worker of this.living) worker.stop()
      return
    }
    this.#phase = 'ending'
    this.onlooker?.ends()
    this.holder.leaveToWorkers()
    this.#repair.stop()
    for (const slot of this.slots) {
      slot.takeover?.abandon('the service stops')
      for (const worker of slot.living) slot.stop(worker)
    }
    this.#endIfAlone()
  }

  /** Cuts what holds those that drain; throws `ERR_ENDLESS_NOT_DRAINING`. @returns their pids */
  hammer(): number[] {
    const draining = this.living.filter(({ state }) => state === 'draining')
    if (draining.length === 0)
      throw new EndlessError(
        'ERR_ENDLESS_NOT_DRAINING',
        'nothing drains: the hammer is for workers that are on their way out',
      )
    for (const worker of draining) worker.tell({ endless: 'hammer' })
    return draining.map(({ pid }) => pid)
  }

  async #roll(
    order: Order,
    watch: (step: Step) => void = () => {},
    succeeded: () => void = () => {},
  ): Promise<void> {
    try {
      await this.#rollouts.run(order, watch)
      succeeded()
    } finally {
      if (!this.#rollouts.isBusy) this.#settle()
    }
  }

  /** After a reload, or the renewal of one, however it went. */
  #settle(): void {
    // A release that failed may have bound something.
    this.#letGo()
    this.#evenOut()
  }

  #throwIfNotServing(): void {
    if (this.isEnding)
      throw new EndlessError(
        'ERR_ENDLESS_DRAINING',
        'the service is on its way out: start it again',
      )
    if (this.#phase === 'starting')
      throw new EndlessError(
        'ERR_ENDLESS_NOT_READY',
        'not ready yet: a reload is possible once the service serves',
      )
  }

  /** One slot more, with a worker that serves. */
  async #add(): Promise<void> {
    const slot = this.#row.add()
    try {
      await this.#fill(slot)
    } catch (error) {
      if (this.#phase !== 'starting') this.#row.drop(slot)
      throw error
    }
  }

  async #fill(slot: Slot): Promise<void> {
    const { readyTimeout } = this.#options
    const worker = await this.#nursery.first(slot, this.release, readyTimeout)
    // Nobody else mends a slot that is being filled for the first time.
    if (worker.state === 'exited')
      throw new EndlessError(
        'ERR_ENDLESS_SUCCESSOR_EXITED',
        `worker ${worker.pid} died as soon as it served`,
      )
    // An old one that came back meanwhile, because its successor had died: there is no room for two.
    const { current } = slot
    slot.current = worker
    if (current?.state === 'serving') slot.stop(current)
    slot.isEstablished = true
    const { pid, names } = slot.current
    this.#voice.say(`Worker ${slot.index}, pid ${pid}, serves ${names.join(', ')}.`)
    if (this.isEnding || slot.isClosed) slot.stop(slot.current)
    else this.#evenOut()
  }

  /** Slots in which another release serves than the committed one, one after the other: no lasting mix. */
  #evenOut(): void {
    if (this.state !== 'serving') return
    const behind = this.slots.find(
      ({ current }) =>
        current?.state === 'serving' &&
        current.facts.release !== this.release &&
        !this.#hopeless.has(current),
    )
    if (!behind?.current) return
    // What fails is said, and tried once: the next reload finds it.
    this.#hopeless.add(behind.current)
    this.renew(behind).catch(() => {})
  }

  #hear(worker: Worker, message: ToSupervisor, cargo: Handle | undefined): void {
    const slot = this.#row.slotOf(worker)
    const takeover = slot?.takeover?.old === worker ? slot.takeover : undefined
    if (message.endless === 'holds' && cargo) {
      const { endless: _, ...facts } = message
      this.holder.hold(facts, cargo)
    }
    if (message.endless === 'wish') void grantWish(this, worker, message)
    if (message.endless === 'listens' && (this.state === 'serving' || this.isEnding)) this.#letGo()
    if (!slot) return
    this.#relay.hear(slot, worker, message)
    if (message.endless === 'signal') slot.signal(message.pid, message.signal)
    if (message.endless === 'spawn') void this.#spawn(slot, worker, takeover, message)
    if (message.endless === 'upgraded' && takeover?.id === message.id && takeover.heir)
      slot.handOver(takeover.heir)
    if (message.endless === 'revived') this.#revived(slot, worker)
    takeover?.hear(message)
  }

  async #spawn(
    slot: Slot,
    old: Worker,
    takeover: Takeover | undefined,
    message: Extract<ToSupervisor, { endless: 'spawn' }>,
  ): Promise<void> {
    const { id } = message
    // It hears so late that it was given up: a successor would wait for a word that nobody says.
    if (takeover?.id !== id || takeover.isOver || slot.isClosed)
      return old.tell({ endless: 'notSpawned', id, message: 'this upgrade was given up' })
    const heir = await this.#nursery.next(slot, takeover.release, old, message)
    takeover.heir = heir
    // While it was being born the old one has died: nobody is left who would end it.
    if (heir && takeover.isOver && old.state === 'exited') slot.stop(heir)
  }

  /** The one after it has died, or was to come back. */
  #revived(slot: Slot, worker: Worker): void {
    const { current } = slot
    const isReplaced =
      current?.state === 'serving' && current.facts.generation > worker.facts.generation
    // After its probation, a new one is started at once, and may be there already.
    if (isReplaced && slot.takeover?.heir !== current) return slot.stop(worker)
    slot.takeBack(worker)
    // It may be of the release before.
    if (!this.#rollouts.isBusy) this.#evenOut()
  }

  async #joined(slot: Slot, worker: Worker): Promise<void> {
    const exit = await worker.exited
    this.#relay.gone(slot, worker)
    this.totals.hasGone(worker)
    if (this.isEnding) {
      // One that was still being started has cut nothing.
      if (worker.hasServed) this.#codes.push(exit.code ?? 1)
      return this.#endIfAlone()
    }
    // Before the first of a slot has served there is somebody who waits for it.
    if (!slot.isEstablished) return
    if (worker.hasServed) this.#repair.exited(slot, worker, exit)
    else this.#repair.mend(slot, exit)
  }

  #endIfAlone(): void {
    if (!this.isEnding || this.living.length > 0) return
    this.holder.close()
    this.#end(this.#code ?? (this.#codes.some((code) => code !== 0) ? 1 : 0))
  }

  #giveUp(exit: Exit): void {
    this.#voice.complain(
      `Crashed more than ${this.#options.maxRestarts} times in a row (--max-restarts): giving up`,
    )
    this.#code = codeOf(exit)
    this.stop()
  }

  /** What no worker listens on any more. Those that drain have stopped to. */
  #letGo(): void {
    const listening = this.living.filter(({ state }) => state !== 'draining' || this.isEnding)
    const gone = this.holder.keepOnly(new Set(listening.flatMap(({ names }) => names)))
    if (gone.length > 0 && !this.isEnding)
      this.#voice.say(`Nobody listens on ${gone.join(', ')} any more: closed.`)
  }
}

const itsOwn = ['ERR_ENDLESS_SUCCESSOR_EXITED', 'ERR_ENDLESS_SUCCESSOR_FAILED']

/** As a shell has it. */
function codeOf({ code, signal }: Exit): number {
  return code ?? (signal === null ? 1 : 128 + constants.signals[signal])
}
