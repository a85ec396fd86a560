import type { Server } from 'node:net'
import type { AttachOptions, ChannelHandler, ServiceChannel, Status, Upgrader } from '../api.js'
import { EndlessError } from '../errors.js'
import {
  checkSignal,
  checkUpgraderOptions,
  Generation,
  type LifeHooks,
  type SignalHook,
  type State,
  type UpgraderOptions,
  type When,
} from '../generation/index.js'
import {
  Files,
  findPredecessor,
  type Parcel,
  type Passable,
  spawnPlan,
  startSuccessor,
} from '../handover/index.js'
import { takeActivated } from '../listeners/index.js'
import { checkNode, laneCount } from '../node/index.js'
import { Commands } from './commands.js'
import { ControlSocket } from './controlsocket.js'
import { Crash } from './crash.js'
import { Departure } from './departure.js'
import { Signals } from './signals.js'
import { Startup } from './startup.js'
import { statusOf } from './status.js'
import { Systemd } from './systemd.js'
import { countTold } from './told.js'
import { type Spawner, Upgrade } from './upgrade.js'
import { Worker } from './worker.js'

const own: Spawner = { plan: spawnPlan, start: startSuccessor }

/** The upgrader of a real process: it alone sends events to the state machine once it is ready. */
export class ProcessUpgrader implements Upgrader {
  readonly #generation: Generation
  readonly #startup: Startup
  readonly #files: Files
  readonly #signals: Signals
  readonly #departure: Departure
  readonly #control: ControlSocket
  readonly #worker: Worker | undefined
  readonly #crash: Crash
  readonly #systemd: Systemd | undefined
  #upgrading: Upgrade | undefined
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
    this.#control = new ControlSocket(this.#generation, this.#commands().handle)
    this.#generation.lastAnswers = async () => {
      await this.#systemd?.leave()
      await this.#control.close()
    }
    this.#generation.stopping = () => this.#systemd?.stops()
    this.#startup = new Startup(
      this.#generation,
      activated,
      this.#control,
      () => this.#files.closeUnclaimed(),
      () => {
        this.#systemd?.ready()
        this.#signals.settleWithOthers()
      },
    )
    this.#departure = new Departure(
      this.#generation,
      this.#startup.listeners,
      this.#control,
      async () => this.#upgrading?.stop(),
    )
    const { supervisor } = this.#generation
    this.#worker =
      supervisor &&
      new Worker(this.#generation, supervisor, this.#startup.listeners, {
        upgrade: (spawner) => this.#upgrade(async () => {}, spawner),
        stopUpgrade: (why) => void this.#upgrading?.stop(why),
        departure: this.#departure,
      })
    this.#crash = new Crash(this.#generation, async () => {
      if (this.#upgrading) await this.#upgrading.settled
      else if (this.#worker) await this.#worker.renew()
      else await this.#upgrade(async () => {}, own)
    })
    // What is said to one worker is said to the fleet.
    const { wishes } = this.#worker ?? {}
    this.#signals = new Signals(
      this.#generation,
      wishes ?? {
        upgrade: (before) => this.#upgrade(before, own),
        hammer: () => this.#departure.hammer(),
        stop: (before) => this.#departure.stop(before),
      },
    )
    this.#systemd = Systemd.find(this.#generation, () => this.status())
    countTold(this, () => this.#generation.told++)
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
    return this.#departure.drainSignal
  }

  get inFlight(): number {
    return this.#generation.connections.inFlight
  }

  configure(options: UpgraderOptions): void {
    checkUpgraderOptions(options)
    this.#generation.settings.merge(options)
    this.#generation.hooks.addAll(options)
    this.#signals.install()
    this.#crash.install()
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

  async upgrade(): Promise<{ pid: number }> {
    if (!this.#worker) return this.#upgrade(async () => {}, own)
    await this.#worker.wishes.upgrade(async () => {})
    return { pid: this.#departure.successor?.pid ?? process.pid }
  }

  shutdown(): Promise<void> {
    if (this.#worker) return this.#worker.wishes.stop(async () => {})
    return this.#departure.stop(async () => {})
  }

  hammer(): void {
    if (this.#worker) return this.#worker.wishes.hammer()
    this.#departure.hammer()
  }

  async waitForParent(): Promise<void> {
    await this.#generation.predecessor?.gone
  }

  addFile(name: string, file: Passable): () => void {
    if (this.#worker)
      throw new EndlessError(
        'ERR_ENDLESS_UNSUPPORTED',
        `addFile("${name}"): expected a process without a supervisor; this one has successors that the ` +
          'supervisor spawns, and an fd of ours cannot reach them: open it anew in each, or serve it from ' +
          'another service',
      )
    return this.#files.add(name, file)
  }

  inherited(name: string): number | undefined {
    return this.#files.take(name) ?? this.#startup.listeners.inheritance.fdOf(name)
  }

  channel<Message>(name: string, handler: ChannelHandler<Message>): ServiceChannel<Message> {
    return this.#generation.talk.open(name, handler)
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
      this.#departure.successor?.pid ?? this.#upgrading?.pid,
      this.#departure.ending,
    )
  }

  async uninstall(): Promise<void> {
    this.#signals.uninstall()
    this.#generation.hooks.clear()
    this.#departure.uninstall()
    this.#startup.uninstall()
    this.#generation.talk.uninstall()
    const closed = this.#control.close()
    this.#generation.connections.uninstall()
    this.#generation.predecessor?.uninstall()
    this.#worker?.uninstall()
    this.#crash.uninstall()
    this.#generation.elders.uninstall()
    this.#files.closeUnclaimed()
    this.#systemd?.uninstall()
    await this.#upgrading?.stop()
    await closed
    this.#uninstalled()
  }

  #commands(): Commands {
    return new Commands(() => ({
      generation: this.#generation,
      departure: this.#departure,
      path: this.#control.path ?? '',
      ending: this.#control.ending,
      status: () => this.status(),
      upgrade: (spawner) => this.#upgrade(async () => {}, spawner),
      upgrading: () => this.#upgrading?.settled,
    }))
  }

  async #upgrade(before: () => Promise<void>, spawner: Spawner): Promise<{ pid: number }> {
    const upgrade = new Upgrade(this.#generation, this.#startup.listeners, spawner)
    this.#upgrading = upgrade
    this.#systemd?.upgrades()
    try {
      const { listeners } = this.#startup
      const parcel = (): Parcel => ({
        generation: this.generation + 1,
        listeners: [...listeners.parcel(), ...this.#control.parcel()],
        files: this.#files.parcel(),
        elders: this.#generation.elders.parcel(),
        lanes: this.#generation.migrates ? laneCount : 0,
        past: { ...this.#generation.elders.past, failed: this.#generation.failedUpgrades },
      })
      const successor = await upgrade.run(before, parcel, () => listeners.ticketKeys())
      this.#departure.handOver(successor)
      this.#systemd?.handedOver(successor.pid, this.#departure.trial?.outcome ?? Promise.resolve())
      return { pid: successor.pid }
    } catch (error) {
      if (this.state === 'ready') this.#systemd?.upgradeFailed(error)
      throw error
    } finally {
      this.#upgrading = undefined
    }
  }
}
