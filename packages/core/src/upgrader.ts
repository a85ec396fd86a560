import type { Server } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { takeActivated } from './activation.js'
import type { AttachOptions, Status, Upgrader } from './api.js'
import { Drain } from './drain.js'
import { Ending } from './ending.js'
import { EndlessError } from './errors.js'
import { exit } from './exit.js'
import { Files, type Passable } from './files.js'
import { Generation } from './generation.js'
import { checkNode } from './handle.js'
import type { When } from './hooks.js'
import type { DrainReason, LifeHooks, SignalHook, UpgraderOptions } from './options.js'
import { PidFile, tryPidFile } from './pidfile.js'
import { findPredecessor } from './predecessor.js'
import { spawnPlan, whyNoUpgrade } from './process.js'
import { Signals } from './signals.js'
import { Startup } from './startup.js'
import type { State } from './state.js'
import { statusOf } from './status.js'
import { type Successor, startSuccessor } from './successor.js'
import { checkSignal, checkUpgraderOptions } from './validate.js'

/** The upgrader of a real process: it alone sends events to the state machine once it is ready. */
export class ProcessUpgrader implements Upgrader {
  readonly #generation: Generation
  readonly #startup: Startup
  readonly #files: Files
  readonly #signals: Signals
  #draining = new AbortController()
  #successor: Successor | undefined
  #ending: Ending | undefined

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

  attach(server: Server, options: AttachOptions = {}): void {
    this.#startup.attach(server, options)
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
    return statusOf(this.#generation, this.#startup.listeners, this.#successor?.pid, this.#ending)
  }

  async uninstall(): Promise<void> {
    this.#signals.uninstall()
    this.#generation.hooks.clear()
    this.#ending?.cancel()
    this.#startup.uninstall()
    this.#generation.connections.uninstall()
    this.#generation.predecessor?.uninstall()
    this.#files.closeUnclaimed()
    if (this.state === 'upgrading')
      await this.#successor?.stop(stoppedError(), this.#stopPatience())
    this.#successor?.closeDormant()
    this.#uninstalled()
  }

  /** @param before what may still cancel it: the signal's pre-hooks */
  async #upgrade(before: () => Promise<void>): Promise<{ pid: number }> {
    const { hooks, settings } = this.#generation
    this.#beginUpgrade()
    this.#generation.tell('endless:upgrade', { phase: 'start' })
    const since = performance.now()
    let successor: Successor | undefined
    try {
      await before()
      const plan = spawnPlan()
      await hooks.run('beforeSpawn', plan)
      this.#throwIfStopped()
      const parcel = {
        generation: this.generation + 1,
        listeners: this.#startup.listeners.parcel(),
        files: this.#files.parcel(),
      }
      successor = this.#successor = startSuccessor(plan, parcel, settings.values.readyTimeout)
      this.#generation.info(`Spawned successor ${successor.pid}.`, { successor: successor.pid })
      await successor.ready
      this.#throwIfStopped()
      await successor.go()
      this.#throwIfStopped()
    } catch (error) {
      throw await this.#rollBack(error, successor)
    }
    const ms = performance.now() - since
    this.#generation.tell('endless:upgrade', { phase: 'ready', successor: successor.pid, ms })
    this.#generation.info(`Successor ${successor.pid} serves after ${ms.toFixed(0)} ms.`)
    this.#handOver(successor)
    return { pid: successor.pid }
  }

  #beginUpgrade(): void {
    try {
      const unsupported = whyNoUpgrade()
      if (unsupported) throw new EndlessError('ERR_ENDLESS_UNSUPPORTED', unsupported)
      this.#generation.machine.send('upgrade', { predecessorAlive: this.hasParent })
    } catch (error) {
      this.#generation.warn('Upgrade refused', { err: error })
      throw error
    }
  }

  /** Any failure before ready harms nobody: the successor is reaped, and we serve on. */
  async #rollBack(cause: unknown, successor: Successor | undefined): Promise<EndlessError> {
    const error =
      cause instanceof EndlessError
        ? cause
        : new EndlessError('ERR_ENDLESS_SPAWN', `upgrade failed: ${String(cause)}`, { cause })
    await successor?.stop(error, this.#stopPatience())
    if (this.state === 'upgrading') {
      this.#successor = undefined
      this.#generation.machine.send('upgradeFailed')
      this.#generation.error('Upgrade failed, this generation serves on', error)
    }
    this.#generation.tell('endless:upgrade', { phase: 'failed', error })
    return error
  }

  #handOver(successor: Successor): void {
    this.#generation.machine.send('handedOver')
    this.#startup.listeners.stop()
    this.#drain('upgraded')
    void successor.toldToStop.then(() => {
      // Stopped on purpose: a duplicate that stays open would let clients wait for nobody.
      successor.closeDormant()
      this.#ending?.endProbation()
    })
    void successor.exited.then(() => this.#successorDied(successor))
  }

  #successorDied(successor: Successor): void {
    const rises =
      this.state === 'draining' && this.#ending?.reason === 'upgraded' && !successor.stopping
    if (!rises) return successor.closeDormant()
    const { machine, hooks, settings } = this.#generation
    this.#ending?.cancel()
    this.#ending = undefined
    this.#successor = undefined
    this.#draining = new AbortController()
    machine.send('revive')
    const missing = this.#startup.listeners.revive(successor.dormant)
    this.#generation.tell('endless:drain', { phase: 'cancelled' })
    this.#generation.error(
      `Successor ${successor.pid} died on probation: this generation serves again`,
      missing.length > 0 ? new Error(`no duplicate of ${missing.join(', ')}`) : undefined,
    )
    const { pidFile: path } = settings.values
    if (path !== undefined) tryPidFile(this.#generation, () => new PidFile(path).write())
    hooks.run('onRevive').catch((error) => this.#generation.error('An onRevive hook failed', error))
  }

  /** A final stop; a second one ends at once. */
  async #stop(before: () => Promise<void>): Promise<void> {
    const { machine, predecessor, settings } = this.#generation
    if (this.state === 'exited') return exit(this.#generation, 1)
    if (this.state === 'draining') return this.#stopAgain()
    const upgrading = this.state === 'upgrading' ? this.#successor : undefined
    machine.send('shutdown')
    await before()
    // First, so that a successor that ends is not one that died on probation.
    await predecessor?.stopping()
    await upgrading?.stop(stoppedError(), this.#stopPatience())
    this.#successor = undefined
    await delay(settings.values.shutdownDelay)
    if (!this.#ending) this.#drainFinally()
  }

  #stopAgain(): void {
    if (this.#ending?.reason === 'upgraded') {
      // It has handed over; now it is told to stop as well, and will not rise again.
      this.#ending.reason = 'shutdown'
      this.#ending.endProbation()
      this.#successor?.closeDormant()
      return
    }
    if (!this.#ending) this.#drainFinally()
    this.hammer()
  }

  #drainFinally(): void {
    this.#startup.listeners.stop()
    this.#drain('shutdown')
  }

  #drain(reason: DrainReason): void {
    const { connections, hooks, settings } = this.#generation
    const { hammerTime, probation, stallTimeout } = settings.values
    const drain = new Drain(connections, stallTimeout, (what) =>
      this.#generation.warn(`Gave up waiting for ${what}: nothing came for ${stallTimeout} ms.`),
    )
    const { size, inFlight } = connections
    this.#generation.tell('endless:drain', {
      phase: 'start',
      reason,
      connections: size,
      requests: inFlight,
    })
    this.#generation.info(
      `Waiting for connections to finish: ${size} open, ${inFlight} requests in flight.`,
    )
    this.#draining.abort(new EndlessError('ERR_ENDLESS_DRAINING', `draining: ${reason}`))
    this.#ending = new Ending({
      reason,
      drain,
      hooks: hooks
        .run('onDrain', reason)
        .catch((error) => this.#generation.error('An onDrain hook failed', error)),
      hammerTime,
      probation: reason === 'upgraded' ? probation : 0,
      drained: (ms) => {
        this.#generation.tell('endless:drain', { phase: 'end', ms })
        this.#generation.info(`Drained in ${ms.toFixed(0)} ms.`)
      },
      hammered: ({ requests, connections: cut }) => {
        this.#generation.tell('endless:hammer', { requests: [...requests], connections: cut })
        const what = [`${cut} connections`, ...requests].join('; ')
        this.#generation.warn(`[STOP - Hammer Time] Cut ${what}.`, { requests })
      },
      over: (code) =>
        void exit(this.#generation, code, () => reason === 'shutdown' && this.#tidyUp()),
    })
  }

  /** What the last generation leaves behind: nothing. */
  #tidyUp(): void {
    const { pidFile } = this.#generation.settings.values
    this.#startup.listeners.unlink()
    if (pidFile !== undefined) new PidFile(pidFile).remove()
  }

  /** A successor that may serve already gets the time of a drain. */
  #stopPatience(): number {
    return this.#generation.settings.values.hammerTime || longestPatience
  }

  #throwIfStopped(): void {
    if (this.state !== 'upgrading') throw stoppedError()
  }
}

const longestPatience = 60_000

function stoppedError(): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_STOPPED',
    'this generation was told to stop while the upgrade was under way',
  )
}
