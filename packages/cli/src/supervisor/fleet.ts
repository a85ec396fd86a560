import { constants } from 'node:os'
import { EndlessError, type Exit, type Handle, type ToSupervisor } from '@endlessjs/core/fleet'
import { Holder } from './holder.js'
import type { Mouth } from './mouth.js'
import { Nursery } from './nursery.js'
import { findRelease, type Recipe, type Release } from './release.js'
import { Reload, type Step } from './reload.js'
import { Repair } from './repair.js'
import { Slot } from './slot.js'
import { Takeover } from './takeover.js'
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

/** `ending`: nothing is started any more. */
export type FleetState = 'starting' | 'serving' | 'reloading' | 'ending'

/** The workers of one service. It holds their listeners and accepts nothing; no request passes it. */
export class Fleet {
  readonly holder: Holder = new Holder()
  readonly slots: Slot[] = []
  /** Settles with the exit code when the last worker is gone. */
  readonly ended: Promise<number>
  /** What the last successful reload loaded: a crash brings back this. */
  release: Release
  state: FleetState = 'starting'
  readonly #recipe: Recipe
  readonly #options: FleetOptions
  readonly #voice: Voice
  readonly #nursery: Nursery
  readonly #watchers = new Set<(step: Step) => void>()
  #reloading: Promise<void> | undefined
  readonly #repair: Repair
  readonly #codes: number[] = []
  /** Where it ends for a reason of its own. */
  #code: number | undefined
  #end: (code: number) => void = () => {}

  constructor(recipe: Recipe, options: FleetOptions, mouth: Mouth, voice: Voice) {
    this.#recipe = recipe
    this.#options = options
    this.#voice = voice
    this.release = findRelease(recipe)
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
    this.#nursery = new Nursery(
      this.holder,
      mouth,
      (worker, message, cargo) => this.#hear(worker, message, cargo),
      (slot, worker) => void this.#joined(slot, worker),
    )
    const repairs = {
      fill: (slot: Slot) => this.#fill(slot),
      giveUp: (exit: Exit) => this.#giveUp(exit),
    }
    this.#repair = new Repair(options.maxRestarts, repairs, voice)
  }

  get isEnding(): boolean {
    return this.state === 'ending'
  }

  /** Those that have not exited. */
  get living(): Worker[] {
    return this.slots.flatMap(({ living }) => [...living])
  }

  /** Settles when all serve; rejects when the first does not, with what it was. */
  async start(): Promise<void> {
    const { workers } = this.#options
    // The first binds what the others inherit.
    try {
      await this.#add()
    } catch (error) {
      // As without us: an app that cannot start ends with its own code.
      this.#code = codeOf(this.slots[0]?.lastExit ?? { code: 1, signal: null })
      this.stop()
      throw error
    }
    await Promise.all(Array.from({ length: workers - 1 }, () => this.#add()))
    if (!this.isEnding) this.state = 'serving'
  }

  /**
   * All go over to what the recipe leads to now.
   * @throws EndlessError `ERR_ENDLESS_UPGRADE_IN_PROGRESS`, or what failed: then the old release serves
   */
  async reload(watch: (step: Step) => void = () => {}): Promise<void> {
    this.#throwIfBusy()
    const release = findRelease(this.#recipe)
    await this.#switch(this.#occupied, release, this.#options.surge, watch)
    this.release = release
    this.#letGo()
  }

  /** Settles when no reload is under way. */
  async settled(): Promise<void> {
    while (this.#reloading) await this.#reloading.catch(() => {})
  }

  /** A worker is replaced with no request lost, by one of the same release. */
  async renew(slot: Slot): Promise<void> {
    this.#throwIfBusy()
    await this.#switch([slot], this.release, 1, () => {})
  }

  /** It is about to die of an exception; throws where nothing but more of them is to be expected. */
  async replace(worker: Worker): Promise<void> {
    const slot = this.slots.find(({ living }) => living.has(worker))
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

  /** @returns how many there are then */
  async scale(count: number): Promise<number> {
    this.#throwIfBusy()
    const more = count - this.slots.length
    this.#voice.say(`Scaling from ${this.slots.length} to ${count} workers.`)
    if (more > 0) await Promise.all(Array.from({ length: more }, () => this.#add()))
    const leaving = this.slots.splice(count)
    for (const slot of leaving) {
      slot.isClosed = true
      for (const worker of slot.living) this.#stop(slot, worker)
    }
    await Promise.all(leaving.flatMap(({ living }) => [...living].map(({ exited }) => exited)))
    return this.slots.length
  }

  /** In order; a second time at once. */
  stop(): void {
    if (this.isEnding) {
      for (const worker of this.living) worker.stop()
      return
    }
    this.state = 'ending'
    this.#repair.stop()
    for (const slot of this.slots) {
      slot.takeover?.abandon('the service stops')
      for (const worker of slot.living) this.#stop(slot, worker)
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

  get #occupied(): Slot[] {
    return this.slots.filter(({ current }) => current?.state === 'serving')
  }

  #throwIfBusy(): void {
    if (this.isEnding)
      throw new EndlessError(
        'ERR_ENDLESS_DRAINING',
        'the service is on its way out: start it again',
      )
    if (this.state === 'starting')
      throw new EndlessError(
        'ERR_ENDLESS_NOT_READY',
        'not ready yet: a reload is possible once the service serves',
      )
    if (this.#reloading)
      throw new EndlessError(
        'ERR_ENDLESS_UPGRADE_IN_PROGRESS',
        'a reload is in progress: wait for it to end (endless reload --wait), then ask again',
      )
  }

  async #switch(
    slots: readonly Slot[],
    release: Release,
    surge: number,
    watch: (step: Step) => void,
  ): Promise<void> {
    const since = performance.now()
    const said = new Map<string, number>()
    this.state = 'reloading'
    this.#watchers.add(watch)
    const means = {
      begin: (slot: Slot, to: Release) => this.#begin(slot, to),
      say: (step: Step) => {
        said.set(step.phase, (said.get(step.phase) ?? 0) + 1)
        for (const one of this.#watchers) one(step)
      },
    }
    this.#voice.say(`Reloading ${slots.length} workers: ${release.name}.`)
    this.#reloading = new Reload(slots, release, this.release, means).run(surge)
    try {
      await this.#reloading
      this.#voice.say(`Reloaded in ${(performance.now() - since).toFixed(0)} ms.`)
    } catch (error) {
      this.#voice.complain('Reload failed: the release before serves', error)
      throw error
    } finally {
      this.#watchers.delete(watch)
      this.#reloading = undefined
      if (!this.isEnding) this.state = 'serving'
    }
  }

  #begin(slot: Slot, release: Release): Takeover {
    const old = slot.current
    if (old?.state !== 'serving')
      throw new EndlessError('ERR_ENDLESS_STOPPED', `worker ${slot.index} does not serve just now`)
    tooManyDraining(slot, old)
    slot.takeover = new Takeover(old, release)
    return slot.takeover
  }

  async #add(): Promise<void> {
    const slot = new Slot(this.slots.length)
    this.slots.push(slot)
    await this.#fill(slot)
  }

  async #fill(slot: Slot): Promise<void> {
    const { readyTimeout } = this.#options
    slot.current = await this.#nursery.first(slot, this.release, readyTimeout)
    const { pid, names } = slot.current
    this.#voice.say(`Worker ${slot.index}, pid ${pid}, serves ${names.join(', ')}.`)
    if (this.isEnding || slot.isClosed) this.#stop(slot, slot.current)
  }

  #stop(slot: Slot, worker: Worker): void {
    worker.stop()
    slot.leaves(worker)
  }

  #hear(worker: Worker, message: ToSupervisor, cargo: Handle | undefined): void {
    const slot = this.slots.find(({ living }) => living.has(worker))
    const takeover = slot?.takeover?.old === worker ? slot.takeover : undefined
    if (message.endless === 'holds' && cargo) {
      const { endless: _, ...facts } = message
      this.holder.hold(facts, cargo)
    }
    if (message.endless === 'wish') void grantWish(this, worker, message)
    if (message.endless === 'listens' && (this.state === 'serving' || this.isEnding)) this.#letGo()
    if (!slot) return
    if (message.endless === 'signal')
      [...slot.living].find(({ pid }) => pid === message.pid)?.signal(message.signal)
    if (message.endless === 'spawn' && takeover) void this.#spawn(slot, takeover, message)
    if (message.endless === 'upgraded' && takeover?.heir) slot.handOver(takeover.heir)
    if (message.endless === 'revived') slot.takeBack(worker)
    takeover?.hear(message)
  }

  async #spawn(
    slot: Slot,
    takeover: Takeover,
    message: Extract<ToSupervisor, { endless: 'spawn' }>,
  ): Promise<void> {
    const { old, release } = takeover
    takeover.heir = await this.#nursery.next(slot, release, old, message)
  }

  async #joined(slot: Slot, worker: Worker): Promise<void> {
    const exit = await worker.exited
    if (this.isEnding) {
      this.#codes.push(exit.code ?? 1)
      return this.#endIfAlone()
    }
    // Before it has served there is somebody who waits for it.
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

  /** What no worker listens on any more. */
  #letGo(): void {
    const names = new Set(this.living.flatMap((worker) => worker.names))
    const gone = this.holder.keepOnly(names)
    if (gone.length > 0 && !this.isEnding)
      this.#voice.say(`Nobody listens on ${gone.join(', ')} any more: closed.`)
  }
}

/** As a shell has it. */
function codeOf({ code, signal }: Exit): number {
  return code ?? (signal === null ? 1 : 128 + constants.signals[signal])
}

function tooManyDraining(slot: Slot, { terms }: Worker): void {
  const draining = [...slot.living].filter(({ state }) => state === 'draining')
  const most = terms?.maxDraining ?? Number.POSITIVE_INFINITY
  if (draining.length < most) return
  const pids = draining.map(({ pid, drain }) =>
    drain?.holds.length ? `pid ${pid}, held by ${drain.holds.join(', ')}` : `pid ${pid}`,
  )
  throw new EndlessError(
    'ERR_ENDLESS_TOO_MANY_DRAINING',
    `${draining.length} older generations of worker ${slot.index} still drain, and maxDraining is ${most}: ` +
      `${pids.join('; ')}. Wait, or end them with endless hammer`,
  )
}
