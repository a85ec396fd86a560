import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Ending, exit } from '../drain/index.js'
import { EndlessError } from '../errors.js'
import { type DrainReason, type Generation, PidFile, tryPidFile } from '../generation/index.js'
import type { Successor } from '../handover/index.js'
import type { Listeners } from '../listeners/index.js'
import { type Migration, migrationTo } from '../migration/index.js'
import type { ControlSocket } from './controlsocket.js'
import { Trial } from './trial.js'

/** How often a generation that drains says who holds it, in ms. */
const reportEvery = 1_000

/** How a generation leaves: for its successor, or for good; and how it comes back. */
export class Departure {
  readonly #generation: Generation
  readonly #listeners: Listeners
  readonly #control: ControlSocket
  readonly #stopUpgrade: () => Promise<void>
  readonly #gone = new AbortController()
  #draining = drainController()
  #successor: Successor | undefined
  #ending: Ending | undefined
  #trial: Trial | undefined
  #reporter: NodeJS.Timeout | undefined

  /** @param stopUpgrade ends the upgrade that is under way, where there is one */
  constructor(
    generation: Generation,
    listeners: Listeners,
    control: ControlSocket,
    stopUpgrade: () => Promise<void>,
  ) {
    this.#generation = generation
    this.#listeners = listeners
    this.#control = control
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

  /** Of the successor, and how it went. */
  get trial(): Trial | undefined {
    return this.#trial
  }

  handOver(successor: Successor): void {
    const { machine, predecessor, elders } = this.#generation
    this.#successor = successor
    machine.send('handedOver')
    this.#generation.talk.handOver(successor)
    // Before the drain, which may be over at once.
    predecessor?.handedOver()
    elders.pause()
    this.#control.handOver()
    const ending = this.#drain(
      'upgraded',
      migrationTo(successor, this.#generation, this.#listeners),
    )
    this.#trial = new Trial(successor, ending.proved)
    this.#report(successor)
    this.#reporter = setInterval(() => this.#report(successor), reportEvery).unref()
    const { supervisor } = this.#generation
    void ending.proved.then(() => {
      successor.trust()
      supervisor?.tell({ endless: 'proved' })
    })
    void successor.release.then(() => {
      // Stopped on purpose, or proved: a duplicate that stays open would let clients wait for nobody.
      successor.closeDormant()
      if (successor === this.#successor) this.#ending?.endProbation()
    })
    void successor.deaf.then(() => this.#successorFailed(successor, 'closed its listeners'))
    void successor.exited.then(() => this.#successorFailed(successor, 'died'))
  }

  /** Another one of a fleet has failed on probation: so has this successor. */
  takeBack(why: string): void {
    if (this.#successor) this.#successorFailed(this.#successor, why)
  }

  hammer(): void {
    if (!this.#ending)
      throw new EndlessError(
        'ERR_ENDLESS_NOT_DRAINING',
        `nothing drains (this generation is ${this.#generation.state}): the hammer is for a ` +
          'drain that hangs',
      )
    this.#generation.takesConnections = false
    this.#trial?.stop(`generation ${this.#generation.number} was hammered`)
    this.#ending.endProbation()
    this.#ending.hammer()
  }

  /** A final stop; a second one ends at once. */
  async stop(before: () => Promise<void>): Promise<void> {
    const { machine, predecessor, settings, state } = this.#generation
    this.#generation.takesConnections = false
    if (state === 'exited') return exit(this.#generation, 1)
    if (state === 'draining') return this.#stopAgain()
    machine.send('shutdown')
    this.#generation.stopping()
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
    clearInterval(this.#reporter)
    this.#ending?.cancel()
    this.#successor?.closeDormant()
  }

  #stopAgain(): void {
    if (this.#ending?.reason === 'upgraded') {
      this.#trial?.stop(`generation ${this.#generation.number} was told to stop`)
      this.#ending.becomeShutdown()
      this.#successor?.closeDormant()
      return
    }
    if (!this.#ending) this.#drain('shutdown')
    this.hammer()
  }

  #drain(reason: DrainReason, migration?: Migration): Ending {
    // While our sockets still pin their inodes: a number that is free may be another server's next.
    if (reason === 'shutdown' && !this.#generation.supervisor) this.#listeners.unlink()
    if (reason === 'shutdown') this.#control.leave()
    this.#listeners.stop()
    // Who comes now is to be refused: the supervisor lets go of what nobody of the fleet listens on any more.
    if (reason === 'shutdown') this.#generation.supervisor?.tell({ endless: 'listens', names: [] })
    this.#generation.takesConnections = migration !== undefined
    const over = (code: number): void => {
      this.#listeners.close()
      // What it says last is what it counts for.
      if (this.#successor) this.#report(this.#successor)
      void exit(this.#generation, code)
    }
    this.#ending = new Ending(this.#generation, reason, over, migration)
    this.#draining.abort(new EndlessError('ERR_ENDLESS_DRAINING', `draining: ${reason}`))
    return this.#ending
  }

  #report(successor: Successor): void {
    if (this.#ending) successor.report(this.#ending.report)
  }

  /** @param how it failed, where it was not told to stop and has not handed over */
  #successorFailed(successor: Successor, how: string): void {
    const onProbation = this.#generation.state === 'draining' && this.#ending?.reason === 'upgraded'
    if (onProbation && successor === this.#successor && !successor.released)
      this.#revive(successor, how)
    else successor.closeDormant()
  }

  /** The successor failed before it had proved itself: this generation serves again. */
  #revive(successor: Successor, how: string): void {
    const { machine, hooks, settings, patience } = this.#generation
    this.#generation.failedUpgrades++
    this.#ending?.cancel()
    this.#ending = undefined
    this.#successor = undefined
    clearInterval(this.#reporter)
    this.#generation.elders.resume()
    this.#generation.takesConnections = true
    this.#draining = drainController()
    const duplicates = successor.takeDormant()
    const missing = this.#listeners.revive(duplicates)
    void this.#control.revive(duplicates, successor.exited)
    const path = this.#generation.supervisor ? undefined : settings.values.pidFile
    if (path !== undefined) tryPidFile(this.#generation, () => new PidFile(path).write())
    machine.send('revive')
    this.#generation.talk.takeBack(successor)
    const message = `Successor ${successor.pid} ${how} on probation: this generation serves again`
    this.#generation.supervisor?.tell({ endless: 'revived', message })
    this.#trial?.fail(message)
    this.#generation.error(
      message,
      missing.length > 0 ? new Error(`no duplicate of ${missing.join(', ')}`) : undefined,
    )
    // One that closed its listeners may live: what it still answers, it answers.
    void successor.stop(new EndlessError('ERR_ENDLESS_STOPPED', `it ${how}`), patience)
    hooks.run('onRevive').catch((error) => this.#generation.error('An onRevive hook failed', error))
  }
}

function drainController(): AbortController {
  const controller = new AbortController()
  // Every stream that is open listens to it: many are no leak.
  setMaxListeners(0, controller.signal)
  return controller
}
