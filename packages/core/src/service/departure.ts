import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Ending, exit } from '../drain/index.js'
import { EndlessError } from '../errors.js'
import { type DrainReason, type Generation, PidFile, tryPidFile } from '../generation/index.js'
import type { Successor } from '../handover/index.js'
import type { Listeners } from '../listeners/index.js'
import { type Migration, migrationTo } from '../migration/index.js'

/** How a generation leaves: for its successor, or for good; and how it comes back. */
export class Departure {
  readonly #generation: Generation
  readonly #listeners: Listeners
  readonly #stopUpgrade: () => Promise<void>
  readonly #gone = new AbortController()
  #draining = drainController()
  #successor: Successor | undefined
  #ending: Ending | undefined

  /** @param stopUpgrade ends the upgrade that is under way, where there is one */
  constructor(generation: Generation, listeners: Listeners, stopUpgrade: () => Promise<void>) {
    this.#generation = generation
    this.#listeners = listeners
    this.#stopUpgrade = stopUpgrade
  }

  get drainSignal(): AbortSignal {
    return this.#draining.signal
  }

  /** The drain, while there is one. */
  get ending(): Ending | undefined {
    return this.#ending
  }

  /** Who serves instead. */
  get successor(): Successor | undefined {
    return this.#successor
  }

  handOver(successor: Successor): void {
    this.#successor = successor
    this.#generation.machine.send('handedOver')
    this.#drain('upgraded', migrationTo(successor, this.#generation, this.#listeners))
    void successor.toldToStop.then(() => {
      // Stopped on purpose: a duplicate that stays open would let clients wait for nobody.
      successor.closeDormant()
      this.#ending?.endProbation()
    })
    void successor.exited.then(() => this.#successorDied(successor))
  }

  hammer(): void {
    if (!this.#ending)
      throw new EndlessError(
        'ERR_ENDLESS_NOT_DRAINING',
        `nothing drains (this generation is ${this.#generation.state}): the hammer is for a ` +
          'drain that hangs',
      )
    this.#ending.endProbation()
    this.#ending.hammer()
  }

  /** A final stop; a second one ends at once. */
  async stop(before: () => Promise<void>): Promise<void> {
    const { machine, predecessor, settings, state } = this.#generation
    if (state === 'exited') return exit(this.#generation, 1)
    if (state === 'draining') return this.#stopAgain()
    machine.send('shutdown')
    await before()
    // First, so that a successor that ends is not one that died on probation.
    await predecessor?.stopping()
    await this.#stopUpgrade()
    const { signal } = this.#gone
    await delay(settings.values.shutdownDelay, undefined, { signal }).catch(() => {})
    if (!this.#ending && !signal.aborted) this.#drain('shutdown')
  }

  /** The process lives on, without us. */
  uninstall(): void {
    this.#gone.abort()
    this.#ending?.cancel()
    this.#successor?.closeDormant()
  }

  #stopAgain(): void {
    if (this.#ending?.reason === 'upgraded') {
      this.#ending.becomeShutdown()
      this.#successor?.closeDormant()
      return
    }
    if (!this.#ending) this.#drain('shutdown')
    this.hammer()
  }

  #drain(reason: DrainReason, migration?: Migration): void {
    // While our sockets still pin their inodes: a number that is free may be another server's next.
    if (reason === 'shutdown') this.#listeners.unlink()
    this.#listeners.stop()
    const over = (code: number): void => {
      this.#listeners.close()
      void exit(this.#generation, code)
    }
    this.#ending = new Ending(this.#generation, reason, over, migration)
    this.#draining.abort(new EndlessError('ERR_ENDLESS_DRAINING', `draining: ${reason}`))
  }

  #successorDied(successor: Successor): void {
    const onProbation = this.#generation.state === 'draining' && this.#ending?.reason === 'upgraded'
    if (onProbation && !successor.stopping) this.#revive(successor)
    else successor.closeDormant()
  }

  /** The successor died before it had proved itself: this generation serves again. */
  #revive(successor: Successor): void {
    const { machine, hooks, settings } = this.#generation
    this.#ending?.cancel()
    this.#ending = undefined
    this.#successor = undefined
    this.#draining = drainController()
    const missing = this.#listeners.revive(successor.dormant)
    const { pidFile: path } = settings.values
    if (path !== undefined) tryPidFile(this.#generation, () => new PidFile(path).write())
    machine.send('revive')
    this.#generation.error(
      `Successor ${successor.pid} died on probation: this generation serves again`,
      missing.length > 0 ? new Error(`no duplicate of ${missing.join(', ')}`) : undefined,
    )
    hooks.run('onRevive').catch((error) => this.#generation.error('An onRevive hook failed', error))
  }
}

function drainController(): AbortController {
  const controller = new AbortController()
  // Every stream that is open listens to it: many are no leak.
  setMaxListeners(0, controller.signal)
  return controller
}
