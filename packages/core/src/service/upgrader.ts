import { setMaxListeners } from 'node:events'
import type { Server } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { AttachOptions, Status, Upgrader } from '../api.js'
import { Ending } from '../drain/ending.js'
import { exit } from '../drain/exit.js'
import { EndlessError } from '../errors.js'
import { Generation } from '../generation/generation.js'
import type { When } from '../generation/hooks.js'
import type { DrainReason, LifeHooks, SignalHook, UpgraderOptions } from '../generation/options.js'
import { PidFile, tryPidFile } from '../generation/pidfile.js'
import type { State } from '../generation/state.js'
import { checkSignal, checkUpgraderOptions } from '../generation/validate.js'
import { Files, type Passable } from '../handover/files.js'
import { findPredecessor } from '../handover/predecessor.js'
import type { Parcel, Successor } from '../handover/successor.js'
import { takeActivated } from '../listeners/activation.js'
import { type Migration, migrationTo } from '../migration/migration.js'
import { checkNode } from '../node/handle.js'
import { laneCount } from '../node/lanes.js'
import { Signals } from './signals.js'
import { Startup } from './startup.js'
import { statusOf } from './status.js'
import { Upgrade } from './upgrade.js'

/** The upgrader of a real process: it alone sends events to the state machine once it is ready. */
export class ProcessUpgrader implements Upgrader {
  readonly #generation: Generation
  readonly #startup: Startup
  readonly #files: Files
  readonly #signals: Signals
  #draining = drainController()
  #upgrading: Upgrade | undefined
  #successor: Successor | undefined
  #ending: Ending | undefined
  readonly #gone = new AbortController()

  readonly #uninstalled: () => void

  constructor(options: UpgraderOptions, uninstalled: () => void) {
    checkNode()
    checkUpgraderOptions(options)
    this.#uninstalled = uninstalled
    this.#generation = new Generation(findPredecessor())
    const activated = takeActivated()
    this.#files = new Files([
      ...(this.#generation.predecessor?.handover.files ?? []).map(
        ({ name, fd }) => [name, fd] as const,
      ),
      ...activated.flatMap(({ alias, fd, handle }) => (handle ? [] : [[alias, fd] as const])),
    ])
    this.#startup = new Startup(this.#generation, activated, () => this.#files.closeUnclaimed())
    this.#signals = new Signals(this.#generation, {
      upgrade: (before) => this.#upgrade(before),
      hammer: () => this.hammer(),
      stop: (before) => this.#stop(before),
    })
    this.configure(options)
  }

  get state(): State {
    return this.#generation.state
  }

  get generation(): number {
    return this.#generation.number
  }

  get hasParent(): boolean {
    return this.#generation.predecessor?.alive ?? false
  }

  get drainSignal(): AbortSignal {
    return this.#draining.signal
  }

  get inFlight(): number {
    return this.#generation.connections.inFlight
  }

  configure(options: UpgraderOptions): void {
    checkUpgraderOptions(options)
    this.#generation.settings.merge(options)
    this.#generation.hooks.addAll(options)
    this.#signals.install()
  }

  listen<S extends Server>(server: S, ...args: unknown[]): S {
    this.attach(server)
    return Reflect.apply(server.listen, server, args) as S
  }

  attach(server: Server, options: AttachOptions = {}): () => void {
    return this.#startup.attach(server, options)
  }

  ready(): Promise<void> {
    return this.#startup.ready()
  }

  upgrade(): Promise<{ pid: number }> {
    return this.#upgrade(async () => {})
  }

  shutdown(): Promise<void> {
    return this.#stop(async () => {})
  }

  hammer(): void {
    if (!this.#ending)
      throw new EndlessError(
        'ERR_ENDLESS_NOT_DRAINING',
        `nothing drains (this generation is ${this.state}): the hammer is for a drain that hangs`,
      )
    this.#ending.endProbation()
    this.#ending.hammer()
  }

  async waitForParent(): Promise<void> {
    await this.#generation.predecessor?.gone
  }

  addFile(name: string, file: Passable): () => void {
    return this.#files.add(name, file)
  }

  inherited(name: string): number | undefined {
    return this.#files.take(name) ?? this.#startup.listeners.inheritance.fdOf(name)
  }

  hook<Name extends keyof LifeHooks>(name: Name, hook: LifeHooks[Name]): () => void {
    checkUpgraderOptions({ [name]: hook })
    return this.#generation.hooks.add(name, hook)
  }

  hookSignal(when: When, signal: NodeJS.Signals, hook: SignalHook): () => void {
    checkSignal(`${when} hook`, signal)
    return this.#generation.hooks.addSignal(when, signal, hook)
  }

  status(): Status {
    return statusOf(
      this.#generation,
      this.#startup.listeners,
      this.#successor?.pid ?? this.#upgrading?.pid,
      this.#ending,
    )
  }

  async uninstall(): Promise<void> {
    this.#gone.abort()
    if (this.state === 'ready') tryPidFile(this.#generation, () => this.#tidyUp())
    this.#signals.uninstall()
    this.#generation.hooks.clear()
    this.#ending?.cancel()
    this.#startup.uninstall()
    this.#generation.connections.uninstall()
    this.#generation.predecessor?.uninstall()
    this.#files.closeUnclaimed()
    await this.#upgrading?.stop()
    this.#successor?.closeDormant()
    this.#uninstalled()
  }

  async #upgrade(before: () => Promise<void>): Promise<{ pid: number }> {
    const upgrade = new Upgrade(this.#generation, this.hasParent)
    this.#upgrading = upgrade
    try {
      const { listeners } = this.#startup
      const parcel = (): Parcel => ({
        generation: this.generation + 1,
        listeners: listeners.parcel(),
        files: this.#files.parcel(),
        lanes: this.#generation.migrates ? laneCount : 0,
      })
      const successor = await upgrade.run(before, parcel, () => listeners.ticketKeys())
      this.#handOver(successor)
      return { pid: successor.pid }
    } finally {
      this.#upgrading = undefined
    }
  }

  #handOver(successor: Successor): void {
    this.#successor = successor
    this.#generation.machine.send('handedOver')
    this.#drain('upgraded', migrationTo(successor, this.#generation, this.#startup.listeners))
    void successor.toldToStop.then(() => {
      // Stopped on purpose: a duplicate that stays open would let clients wait for nobody.
      successor.closeDormant()
      this.#ending?.endProbation()
    })
    void successor.exited.then(() => this.#successorDied(successor))
  }

  #successorDied(successor: Successor): void {
    const onProbation = this.state === 'draining' && this.#ending?.reason === 'upgraded'
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
    const missing = this.#startup.listeners.revive(successor.dormant)
    const { pidFile: path } = settings.values
    if (path !== undefined) tryPidFile(this.#generation, () => new PidFile(path).write())
    machine.send('revive')
    this.#generation.error(
      `Successor ${successor.pid} died on probation: this generation serves again`,
      missing.length > 0 ? new Error(`no duplicate of ${missing.join(', ')}`) : undefined,
    )
    hooks.run('onRevive').catch((error) => this.#generation.error('An onRevive hook failed', error))
  }

  /** A final stop; a second one ends at once. */
  async #stop(before: () => Promise<void>): Promise<void> {
    const { machine, predecessor, settings } = this.#generation
    if (this.state === 'exited') return exit(this.#generation, 1)
    if (this.state === 'draining') return this.#stopAgain()
    machine.send('shutdown')
    await before()
    // First, so that a successor that ends is not one that died on probation.
    await predecessor?.stopping()
    await this.#upgrading?.stop()
    const { signal } = this.#gone
    await delay(settings.values.shutdownDelay, undefined, { signal }).catch(() => {})
    if (!this.#ending && !signal.aborted) this.#drain('shutdown')
  }

  #stopAgain(): void {
    if (this.#ending?.reason === 'upgraded') {
      // It has handed over; now it is told to stop as well, and will not rise again.
      this.#ending.reason = 'shutdown'
      this.#ending.endProbation()
      this.#successor?.closeDormant()
      return
    }
    if (!this.#ending) this.#drain('shutdown')
    this.hammer()
  }

  #drain(reason: DrainReason, migration?: Migration): void {
    // While our sockets still pin their inodes: a number that is free may be another server's next.
    if (reason === 'shutdown') this.#startup.listeners.unlink()
    this.#startup.listeners.stop()
    const over = (code: number): void => {
      this.#startup.listeners.close()
      void exit(this.#generation, code, () => reason === 'shutdown' && this.#tidyUp())
    }
    this.#ending = new Ending(this.#generation, reason, over, migration)
    this.#draining.abort(new EndlessError('ERR_ENDLESS_DRAINING', `draining: ${reason}`))
  }

  /** What the last generation leaves behind: nothing. */
  #tidyUp(): void {
    const { pidFile } = this.#generation.settings.values
    if (pidFile !== undefined) new PidFile(pidFile).remove()
  }
}

function drainController(): AbortController {
  const controller = new AbortController()
  // Every stream that is open listens to it: many are no leak.
  setMaxListeners(0, controller.signal)
  return controller
}
