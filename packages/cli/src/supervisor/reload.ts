import { EndlessError, messageOf } from '@endlessjs/core/fleet'
import type { Release } from './release.js'
import type { Slot } from './slot.js'
import type { Takeover } from './takeover.js'

/** What a reload says while it goes on. */
export interface Step {
  readonly phase: string
  readonly slot?: number
  readonly pid?: number
  readonly generation?: number
  readonly text?: string
}

/** What a reload is done with. */
export interface Means {
  /** @param slot has a worker that serves */
  begin(slot: Slot, release: Release): Takeover
  say(step: Step): void
}

/**
 * All slots go over to a release, or none: their successors start, and when all are ready, all take over. The
 * first is started alone: it binds what the release listens on for the first time, so that the others inherit
 * it, and a release that cannot start costs one process.
 */
export class Reload {
  readonly #slots: readonly Slot[]
  readonly #release: Release
  readonly #before: Release
  readonly #means: Means

  /** @param before what they go back to */
  constructor(slots: readonly Slot[], release: Release, before: Release, means: Means) {
    this.#slots = slots
    this.#release = release
    this.#before = before
    this.#means = means
  }

  /**
   * @param surge how many successors there are at a time
   * @throws EndlessError what failed, when everything is as it was before
   */
  async run(surge: number): Promise<void> {
    const done: Slot[] = []
    for (let at = 0; at < this.#slots.length; at += surge) {
      const wave = this.#slots.slice(at, at + surge)
      const isLast = at + surge >= this.#slots.length
      try {
        await this.#switch(wave, isLast)
      } catch (error) {
        await this.#goBack(done)
        throw done.length > 0 ? hadServed(error) : error
      }
      done.push(...wave)
    }
  }

  async #switch(wave: readonly Slot[], isLast: boolean): Promise<void> {
    const takeovers: Takeover[] = []
    try {
      const [first, ...others] = wave
      if (first) {
        const pilot = this.#begin(first)
        takeovers.push(pilot)
        await this.#isReady(pilot)
      }
      // Each is known before the next one begins: that may throw, and then this one has to come back.
      for (const slot of others) takeovers.push(this.#begin(slot))
      const ready = Promise.all(takeovers.slice(1).map((one) => this.#isReady(one)))
      // None has served by then, but one that was ready may have died.
      await Promise.race([ready, Promise.all(takeovers.map(({ served }) => served))])
      for (const one of takeovers) one.commit()
      await Promise.all(takeovers.map((one) => this.#serves(one)))
      this.#means.say({ phase: 'probation' })
      await Promise.all(takeovers.map(({ proved }) => proved))
    } catch (error) {
      await this.#takeBack(takeovers, error)
      throw error
    }
    // Two releases at a time in all that was asked for: before the next ones start, the old ones are gone.
    if (!isLast) await Promise.all(takeovers.map(({ returned }) => returned))
  }

  #begin(slot: Slot): Takeover {
    this.#means.say({ phase: 'starting', slot: slot.index })
    return this.#means.begin(slot, this.#release)
  }

  async #isReady(takeover: Takeover): Promise<void> {
    await takeover.ready
    this.#say('ready', takeover)
  }

  async #serves(takeover: Takeover): Promise<void> {
    await takeover.served
    this.#say('serving', takeover)
  }

  #say(phase: string, { old, heir }: Takeover): void {
    this.#means.say({
      phase,
      slot: old.facts.slot,
      ...(heir && { pid: heir.pid, generation: heir.facts.generation }),
    })
  }

  /** Not one connection was touched where none had taken over; else the old ones serve again. */
  async #takeBack(takeovers: readonly Takeover[], error: unknown): Promise<void> {
    if (takeovers.length > 0) this.#means.say({ phase: 'rolling back' })
    const why = `another worker of the fleet failed: ${error instanceof Error ? error.message : error}`
    const left = takeovers.filter(({ isOver }) => !isOver)
    for (const one of left) one.abandon(why)
    await Promise.all(left.map(({ returned }) => returned))
    // Where a successor had passed already, its old one is about to go: back by the same way.
    const passed = takeovers.filter(({ isProved }) => isProved)
    await this.#goBack(
      this.#slots.filter((slot) => passed.some(({ heir }) => heir === slot.current)),
    )
  }

  async #goBack(those: readonly Slot[]): Promise<void> {
    // Whoever has died since is replaced by the release before anyway.
    const slots = those.filter(({ current }) => current?.state === 'serving')
    if (slots.length === 0) return
    this.#means.say({
      phase: 'going back',
      text: `${slots.length} of ${this.#slots.length} workers`,
    })
    const back = new Reload(slots, this.#before, this.#before, this.#means)
    await back.run(slots.length).catch((cause: unknown) => {
      throw new EndlessError(
        'ERR_ENDLESS_SPAWN',
        `the release before ${this.#before.name} could not be started again: the workers are of two releases; reload`,
        { cause },
      )
    })
  }
}

/** Those of the waves before have served with it. */
function hadServed(cause: unknown): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_PROBATION',
    `a later worker failed, and those before it, which served already, went back: ${messageOf(cause)}`,
    { cause },
  )
}
