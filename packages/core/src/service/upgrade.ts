import { EndlessError, messageOf } from '../errors.js'
import type { Generation } from '../generation/index.js'
import {
  describeElder,
  type Parcel,
  type SpawnPlan,
  type Successor,
  type TicketKeys,
} from '../handover/index.js'
import type { Listeners } from '../listeners/index.js'
import { whyNoUpgrade } from '../node/index.js'

/** Who starts a successor, and how. */
export interface Spawner {
  plan(): SpawnPlan
  start(plan: SpawnPlan, parcel: Parcel, readyTimeout: number): Promise<Successor>
}

/**
 * One upgrade, from the refusal or the first hook until the successor serves. Whatever fails on
 * the way harms nobody: the successor is reaped, and this generation serves on.
 */
export class Upgrade {
  readonly #generation: Generation
  readonly #spawner: Spawner
  #successor: Successor | undefined
  /** It was to be given up before there was one. */
  #stopped: EndlessError | undefined
  #stopping: Promise<void> | undefined
  /** Settles when the successor serves, or there is none. */
  readonly settled: Promise<void>
  #settle: () => void = () => {}

  /** Takes the transition to `upgrading`, or throws the refusal. */
  constructor(generation: Generation, listeners: Listeners, spawner: Spawner) {
    this.#generation = generation
    this.#spawner = spawner
    this.settled = new Promise((resolve) => {
      this.#settle = resolve
    })
    try {
      const unsupported = whyNoUpgrade() ?? generation.launcher?.why ?? whyNothingListens(listeners)
      if (unsupported) throw new EndlessError('ERR_ENDLESS_UNSUPPORTED', unsupported)
      generation.machine.send('upgrade', tooManyDraining(generation))
    } catch (error) {
      generation.warn('Upgrade refused', { err: error })
      throw error
    }
  }

  /** The pid of the successor, once it is spawned. */
  get pid(): number | undefined {
    return this.#successor?.pid
  }

  /**
   * @param before what may still cancel it: the signal's pre-hooks
   * @param parcel what the successor gets at its spawn, `ticketKeys` what it gets when it serves
   */
  async run(
    before: () => Promise<void>,
    parcel: () => Parcel,
    ticketKeys: () => TicketKeys,
  ): Promise<Successor> {
    const since = performance.now()
    this.#generation.tell('endless:upgrade', { phase: 'start' })
    try {
      const successor = await this.#handOver(before, parcel, ticketKeys)
      const ms = performance.now() - since
      this.#generation.tell('endless:upgrade', { phase: 'ready', successor: successor.pid, ms })
      this.#generation.info(`Successor ${successor.pid} serves after ${ms.toFixed(0)} ms.`)
      return successor
    } catch (cause) {
      throw await this.#rollBack(cause)
    } finally {
      this.#settle()
    }
  }

  /** Ends the successor, in order; it gets the time of a drain once it may serve. */
  async stop(why: EndlessError = stoppedError()): Promise<void> {
    await this.#stop(why)
  }

  async #handOver(
    before: () => Promise<void>,
    parcel: () => Parcel,
    ticketKeys: () => TicketKeys,
  ): Promise<Successor> {
    const { hooks, settings } = this.#generation
    await before()
    const plan = this.#spawner.plan()
    await hooks.run('beforeSpawn', plan)
    this.#throwIfStopped()
    const successor = await this.#spawner.start(plan, parcel(), settings.values.readyTimeout)
    this.#successor = successor
    this.#throwIfStopped()
    this.#generation.info(`Spawned successor ${successor.pid}.`, { successor: successor.pid })
    await successor.ready
    this.#throwIfStopped()
    const served = successor.go(ticketKeys())
    this.#generation.talk.join(successor)
    await served
    this.#throwIfStopped()
    return successor
  }

  async #rollBack(cause: unknown): Promise<EndlessError> {
    const error =
      cause instanceof EndlessError
        ? cause
        : new EndlessError('ERR_ENDLESS_SPAWN', `upgrade failed: ${messageOf(cause)}`, { cause })
    await this.#stop(error)
    this.#generation.failedUpgrades++
    // A shutdown that came meanwhile goes its own way.
    if (this.#generation.state === 'upgrading') this.#generation.machine.send('upgradeFailed')
    this.#generation.error('Upgrade failed', error)
    this.#generation.tell('endless:upgrade', { phase: 'failed', error })
    return error
  }

  async #stop(why: EndlessError): Promise<void> {
    this.#stopped ??= why
    // Once: what it hears a second time ends it at once.
    this.#stopping ??= this.#successor?.stop(why, this.#generation.patience)
    await this.#stopping
  }

  #throwIfStopped(): void {
    if (this.#stopped) throw this.#stopped
    if (this.#generation.state !== 'upgrading') throw stoppedError()
  }
}

/** Why there are too many already; undefined where there are not. */
function tooManyDraining({ elders, settings }: Generation): EndlessError | undefined {
  const { maxDraining } = settings.values
  const draining = elders.living
  if (draining.length < maxDraining) return undefined
  const last = draining.at(0)
  return new EndlessError(
    'ERR_ENDLESS_TOO_MANY_DRAINING',
    `${draining.length} older generations still drain, and maxDraining is ${maxDraining}: ` +
      `${draining.map(describeElder).join('; ')}. Wait, end one with the hammer signal ` +
      `(kill -USR2 ${last?.pid}), or raise maxDraining`,
  )
}

/** The app has closed what it listened on: a successor would inherit nothing, and bind again. */
function whyNothingListens(listeners: Listeners): string | undefined {
  return listeners.areClosed
    ? 'the app has closed every listener, so a successor would have none to inherit: start the app again'
    : undefined
}

function stoppedError(): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_STOPPED',
    'this generation was told to stop while the upgrade was under way',
  )
}
