import { EndlessError } from '@endlessjs/core/fleet'
import type { Release } from './release.js'
import { Reload, type Step } from './reload.js'
import type { Slot } from './slot.js'
import { Takeover } from './takeover.js'
import type { Voice } from './voice.js'
import type { Worker } from './worker.js'

/** What is to go over to which release, and what it goes back to. */
export interface Order {
  readonly slots: readonly Slot[]
  readonly release: Release
  readonly before: Release
  /** How many successors at a time. */
  readonly surge: number
}

/** One reload at a time, of all workers or of one. */
export class Rollouts {
  readonly #voice: Voice
  #running: Promise<void> | undefined

  constructor(voice: Voice) {
    this.#voice = voice
  }

  /** Settles when none is under way. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running.catch(() => {})
  }

  get isBusy(): boolean {
    return this.#running !== undefined
  }

  throwIfBusy(): void {
    if (this.isBusy)
      throw new EndlessError(
        'ERR_ENDLESS_UPGRADE_IN_PROGRESS',
        'a reload is in progress: wait for it to end (endless reload --wait), then ask again',
      )
  }

  /** @throws EndlessError `ERR_ENDLESS_UPGRADE_IN_PROGRESS`, or what failed: then all is as before */
  async run({ slots, release, before, surge }: Order, watch: (step: Step) => void): Promise<void> {
    this.throwIfBusy()
    const since = performance.now()
    this.#voice.say(`Reloading ${slots.length} workers: ${release.name}.`)
    this.#running = new Reload(slots, release, before, { begin, say: watch }).run(surge)
    try {
      await this.#running
      this.#voice.say(`Reloaded in ${(performance.now() - since).toFixed(0)} ms.`)
    } catch (error) {
      this.#voice.complain('Reload failed: the release before serves', error)
      throw error
    } finally {
      this.#running = undefined
    }
  }
}

function begin(slot: Slot, release: Release): Takeover {
  const old = slot.current
  if (old?.state !== 'serving')
    throw new EndlessError('ERR_ENDLESS_STOPPED', `worker ${slot.index} does not serve just now`)
  checkDraining(slot, old)
  slot.takeover = new Takeover(old, release, (heir) => slot.stop(heir))
  return slot.takeover
}

function checkDraining(slot: Slot, { terms }: Worker): void {
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
