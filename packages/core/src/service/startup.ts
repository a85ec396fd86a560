import type { Server } from 'node:net'
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { AttachOptions } from '../api.js'
import { exit } from '../drain/index.js'
import { EndlessError, messageOf } from '../errors.js'
import { callHook, type Generation, PidFile, tryPidFile } from '../generation/index.js'
import { endPreload } from '../handover/index.js'
import {
  type Activated,
  type Begin,
  Inheritance,
  type Listener,
  Listeners,
} from '../listeners/index.js'
import { openForConnections } from '../migration/index.js'
import {
  isLiving,
  type ListenAddress,
  show,
  standUnderSessions,
  startInspector,
  whyNoUpgrade,
} from '../node/index.js'
import { AutoReady } from './autoready.js'
import { type ControlSocket, isControl } from './controlsocket.js'
import { IdleTime } from './idletime.js'
import { Notice } from './notice.js'

/** From the first line to ready: listeners, hooks, and the handover from the predecessor. */
export class Startup {
  readonly listeners: Listeners
  readonly #generation: Generation
  readonly #control: ControlSocket
  readonly #closeUnclaimedFiles: () => string[]
  readonly #served: () => void
  readonly #autoReady: AutoReady
  readonly #notice: Notice
  readonly #idleTime: IdleTime
  /** Lets go of each server that is attached. */
  readonly #attached = new WeakMap<Server, () => void>()
  #readiness: Promise<void> | undefined
  #serves = false
  #uninstalled = false
  #abandon: (error: EndlessError) => void = () => {}
  readonly #abandoned = new Promise<never>((_, reject) => {
    this.#abandon = reject
  })
  #orphanTimer: NodeJS.Timeout | undefined
  #closeToConnections: () => void = () => {}
  #removePidFile: () => void = () => {}

  constructor(
    generation: Generation,
    activated: readonly Activated[],
    control: ControlSocket,
    closeUnclaimedFiles: () => string[],
    served: () => void,
  ) {
    this.#generation = generation
    this.#control = control
    this.#notice = new Notice(generation)
    this.#idleTime = new IdleTime(generation)
    this.#closeUnclaimedFiles = closeUnclaimedFiles
    this.#served = served
    const handed = generation.predecessor?.handover.listeners ?? []
    const ofApp = handed.filter((one) => !isControl(one))
    this.listeners = new Listeners(new Inheritance(ofApp, activated), {
      isShared: generation.supervisor !== undefined,
      gated: () => generation.predecessor !== undefined && generation.state === 'starting',
      hasBegin: (own) => own !== undefined || generation.hooks.has('beforeBegin'),
      begin: (address, own) => this.#begin(address, own),
      listening: (listener) => this.#listening(listener),
      settled: () => this.#autoReady.consider(),
      beginFailed: (server, error) => this.#beginFailed(server, error),
      refused: (_, error) => this.#refused(error),
      owns: ({ origin }) =>
        // Of a fleet's listeners, the supervisor: another worker may go on with them.
        !generation.supervisor &&
        (this.#serves || origin !== 'predecessor' || !generation.predecessor?.alive),
      closed: (listener) => {
        // Later it is the drain, or a framework's own close after it, and not the app.
        if (generation.state === 'draining' || generation.state === 'exited') return
        this.listeners.forget(listener)
        this.#tellNames()
        // Before it has proved itself, whoever came before may still do it better.
        if (this.#serves && this.listeners.all.length === 0) generation.predecessor?.deaf()
      },
    })
    this.#autoReady = new AutoReady(this.listeners, () => {
      // What fails is logged and ends the process: there is no caller here.
      if (generation.settings.values.autoReady) this.ready().catch(() => {})
    })
    this.#abandoned.catch(() => {})
    void generation.predecessor?.gone.then(() => this.#predecessorGone())
    void generation.elders.gone.then(() => this.#isAlone())
  }

  attach(server: Server, { beforeBegin, autoReady, byDefault }: AttachOptions): () => void {
    const known = this.#attached.get(server)
    if (byDefault) this.#autoReady.await(server)
    if (known && byDefault) return known
    this.listeners.attach(server, beforeBegin)
    if (byDefault) this.#autoReady.armByDefault()
    else if (autoReady) this.#autoReady.arm()
    else this.#autoReady.leaveToApp()
    if (known) return known
    this.#generation.connections.track(server)
    const stepAside = standUnderSessions(server, () => this.#notice.isGiven)
    const letGo = (): void => {
      this.#attached.delete(server)
      stepAside()
      this.listeners.detach(server)
      this.#generation.connections.untrack(server)
    }
    this.#attached.set(server, letGo)
    return letGo
  }

  ready(): Promise<void> {
    this.#readiness ??= this.#becomeReady()
    return this.#readiness
  }

  uninstall(): void {
    this.#uninstalled = true
    this.#abandon(stopped())
    this.#autoReady.cancel()
    clearTimeout(this.#orphanTimer)
    this.#closeToConnections()
    this.#removePidFile()
    this.listeners.uninstall()
  }

  async #becomeReady(): Promise<void> {
    const { hooks, settings, predecessor } = this.#generation
    // Of a fleet it is the supervisor's, whose pid stays.
    const path = this.#generation.supervisor ? undefined : settings.values.pidFile
    const pidFile = path === undefined ? undefined : new PidFile(path)
    // A held listener keeps no event loop alive, and the hooks may wait for something that does not.
    const alive = setInterval(() => {}, 2 ** 30)
    try {
      await Promise.race([this.listeners.settled(), this.#abandoned])
      await Promise.race([hooks.run('beforeReady'), this.#abandoned])
      // Before the point of no return: what fails up to here harms nobody.
      pidFile?.claim(this.#generation.elders.pids, (message) => this.#generation.warn(message))
      pidFile?.prepare()
      await Promise.race([this.#control.prepare(), this.#abandoned])
      // Before the word to go, after which requests would wait for it; nothing comes before we serve.
      this.#closeToConnections = openForConnections(this.#generation, this.listeners)
      for (const { inheritedAs, handle } of this.listeners.all)
        if (handle && inheritedAs !== undefined) predecessor?.handBack(inheritedAs, handle)
      this.#holdUp()
      const ticketKeys = await Promise.race([predecessor?.announce(), this.#abandoned])
      this.listeners.takeTicketKeys(ticketKeys ?? {})
      if (this.#generation.state !== 'starting') throw stopped()
    } catch (error) {
      pidFile?.discard()
      if (this.#generation.state === 'starting') void this.#fail(error)
      throw error
    } finally {
      clearInterval(alive)
    }
    this.#serve(pidFile)
  }

  /** The predecessor said go: in one turn of the event loop, so that nothing comes between. */
  #serve(pidFile: PidFile | undefined): void {
    const generation = this.#generation
    clearTimeout(this.#orphanTimer)
    this.#autoReady.cancel()
    this.#serves = true
    // Before the first client, which may say something.
    generation.talk.serve()
    for (const { listener, errno } of this.listeners.accept())
      generation.error(`Cannot listen on ${listener.name}`, new Error(`errno ${errno}`))
    this.#control.serve()
    tryPidFile(generation, () => pidFile?.publish())
    const stay = pidFile?.removeAtExit((error) =>
      generation.error('The pid file is still there', error),
    )
    this.#removePidFile = () => {
      stay?.()
      tryPidFile(generation, () => pidFile?.remove())
    }
    // Last: whoever is told that it is ready finds the port open and the pid in its file.
    generation.machine.send('ready')
    generation.elders.listen()
    generation.predecessor?.serving(generation.migrates)
    this.#tellSupervisor()
    this.listeners.inheritance.unlinkUnclaimed()
    const unclaimed = [
      ...this.listeners.inheritance.closeUnclaimed(),
      ...this.#closeUnclaimedFiles(),
    ]
    if (unclaimed.length > 0)
      generation.warn(`Nobody asked for ${unclaimed.join(', ')}: closed.`, { unclaimed })
    endPreload()
    const names = this.listeners.all.map(({ name, address }) => (address ? show(address) : name))
    generation.info(`Generation ${generation.number} serves ${names.join(', ')}.`)
    const why = whyNoUpgrade() ?? generation.launcher?.why
    if (why) generation.info(`Upgrades will be refused: ${why}.`)
    for (const { server } of this.listeners.all) this.#idles(server)
    this.#served()
  }

  async #begin(address: ListenAddress, own: Begin | undefined): Promise<void> {
    await this.#generation.hooks.run('beforeBegin', address)
    if (own) await callHook('beforeBegin', own, [address])
  }

  #listening(listener: Listener): void {
    const { name, origin, address } = listener
    if (address) this.#generation.tell('endless:listen', { name, address, from: origin })
    this.#idleTime.raise(listener.server)
    this.#autoReady.consider()
    if (!this.#serves) return
    this.#holdUp()
    this.#idles(listener.server)
  }

  /** By what another app, or the app after its `listen()`, has set meanwhile. */
  #idles(server: Server): void {
    this.#idleTime.raise(server)
    this.#idleTime.look(server)
  }

  /** The supervisor gets a duplicate of what this process has bound itself: the next ones inherit it. */
  #holdUp(): void {
    const { supervisor } = this.#generation
    if (!supervisor) return
    for (const listener of this.listeners.all) {
      const parcel = listener.inheritedAs === undefined ? listener.parcel() : undefined
      if (!parcel || !listener.handle) continue
      const { fd: _, ...holds } = parcel
      supervisor.tell({ endless: 'holds', ...holds }, listener.handle)
    }
    this.#tellNames()
  }

  #tellNames(): void {
    const names = this.listeners.all.map((one) => this.listeners.nameOf(one))
    this.#generation.supervisor?.tell({ endless: 'listens', names })
  }

  #tellSupervisor(): void {
    const { supervisor, settings } = this.#generation
    if (!supervisor) return
    const { hammerTime, readyTimeout, probation, maxDraining, pidFile } = settings.values
    const terms = {
      ...{ hammerTime, readyTimeout, probation, maxDraining },
      ...(pidFile !== undefined && { pidFile: resolve(pidFile) }),
    }
    supervisor.tell({ endless: 'serving', nonce: supervisor.nonce, terms })
  }

  #beginFailed(server: Server, error: unknown): void {
    const { predecessor, state } = this.#generation
    if (server.listenerCount('error') > 0) {
      this.#generation.error('Start failed', error)
      server.emit('error', error)
      if (!predecessor) return
    }
    if (state === 'starting') void this.#fail(error)
  }

  /**
   * A listener could not be bound. In generation 0 that is between Node and the app; a successor
   * that cannot listen must not replace one that can, whatever the app makes of the error.
   */
  #refused(error: unknown): void {
    const { predecessor, state } = this.#generation
    if (predecessor && state === 'starting') setImmediate(() => void this.#fail(error))
  }

  /** Nobody is left to end a start that hangs: then it ends itself. */
  #predecessorGone(): void {
    const { predecessor, settings } = this.#generation
    const { readyTimeout } = settings.values
    this.#generation.tell('endless:predecessor', {
      predecessor: predecessor?.handover.predecessor ?? 0,
    })
    if (this.#uninstalled || this.#generation.state !== 'starting') return
    this.#generation.warn('The predecessor is gone: going on without it.')
    const error = new EndlessError(
      'ERR_ENDLESS_READY_TIMEOUT',
      `the predecessor is gone, and this successor was not ready within ${readyTimeout} ms`,
    )
    this.#orphanTimer = setTimeout(() => void this.#fail(error), readyTimeout)
  }

  /** What only one process can have is free now. */
  async #isAlone(): Promise<void> {
    const { predecessor } = this.#generation
    // Its channels are closed a moment before its other fds.
    for (let n = 0; n < 50 && isLiving(predecessor?.handover.predecessor ?? 0); n++)
      await delay(20, undefined, { ref: false })
    if (this.#uninstalled || this.#generation.state !== 'ready') return
    const why = await startInspector()
    if (why) this.#generation.warn(`The inspector could not start: ${why}.`)
  }

  async #fail(error: unknown): Promise<void> {
    if (this.#uninstalled || this.#generation.state !== 'starting') return
    this.#generation.error('Start failed', error)
    await this.#generation.predecessor?.failed(messageOf(error))
    await exit(this.#generation, 1)
  }
}

function stopped(): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_STOPPED',
    'told to stop before it was ready: start it again, or send the signal later',
  )
}
