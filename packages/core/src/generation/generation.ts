import { Connections } from '../connections/index.js'
import { Elders, type Launcher, launcher, type Predecessor } from '../handover/index.js'
import { findSupervisor, type Supervisor } from '../supervision/index.js'
import { Talk } from '../talk/index.js'
import { type ChannelMessages, publish } from './channels.js'
import { optionsOfEnvironment } from './environment.js'
import { Hooks } from './hooks.js'
import { Settings } from './settings.js'
import { Machine, type State } from './state.js'

/** How long a successor that may serve already gets to stop, where there is no hammer, in ms. */
const longestPatience = 60_000

/** One process of the service: what it is, what it was told, and what it says of itself. */
export class Generation {
  readonly predecessor: Predecessor | undefined
  /** Whoever holds the listeners and spawns our successor, where we are one of its workers. */
  readonly supervisor: Supervisor | undefined
  /** 0 for the first, one more at each upgrade. */
  readonly number: number
  readonly settings: Settings = new Settings(optionsOfEnvironment())
  readonly machine: Machine = new Machine((from, to) => this.tell('endless:state', { from, to }))
  readonly hooks: Hooks = new Hooks()
  readonly connections: Connections = new Connections()
  /** The channels of the app. */
  readonly talk: Talk
  /** Those before it that may still drain. */
  readonly elders: Elders
  /** Whether connections can come from the predecessor and go to the successor. */
  migrates = false
  /** Whether others handle the signal that stops it: they end the process, when they have done their part. */
  sharesStop = false
  /** Whether an exception ends it: whatever it finishes, it has failed. */
  hasCrashed = false
  /** Answers whoever waits for the end of this process; the last thing before it. */
  lastAnswers: () => Promise<void> = async () => {}
  /** How many upgrades have come to nothing, of this generation and all before it. */
  failedUpgrades: number
  /** How many clients of protocols without an end were told to come back. */
  told = 0
  /** Told when it stops for good. */
  stopping: () => void = () => {}
  /** Whether they may come now: not when this generation ends, nor when it cannot pass them on. */
  takesConnections = true

  constructor(predecessor: Predecessor | undefined) {
    this.predecessor = predecessor
    this.supervisor = findSupervisor(predecessor?.handover.link)
    this.talk = new Talk(predecessor, this.supervisor, this)
    const { elders, past } = predecessor?.handover ?? {}
    this.elders = new Elders(elders, past)
    this.failedUpgrades = past?.failed ?? 0
    void predecessor?.gone.then(() => this.elders.hasGone(predecessor.handover.predecessor))
    this.number = predecessor?.handover.generation ?? 0
  }

  /** Who started this process and waits for it; a successor has nobody who does. */
  get launcher(): Launcher | undefined {
    return this.predecessor || this.settings.values.ignoreLauncher ? undefined : launcher()
  }

  /** How long a successor that may have requests gets to stop, in ms. */
  get patience(): number {
    return this.settings.values.hammerTime || longestPatience
  }

  get state(): State {
    return this.machine.state
  }

  /** Tells whoever subscribed to the channel. */
  tell<Name extends keyof ChannelMessages>(name: Name, message: ChannelMessages[Name]): void {
    publish(name, this.number, message)
  }

  info(message: string, fields: object = {}): void {
    this.settings.logger.info(this.#fields(fields), message)
  }

  warn(message: string, fields: object = {}): void {
    this.settings.logger.warn(this.#fields(fields), message)
  }

  /** @param err what a pino-shaped logger shows with its causes */
  error(message: string, err: unknown): void {
    this.settings.logger.error(this.#fields({ err }), message)
  }

  /** Without the pid: pino's base has it, and the default logger prints it. */
  #fields(fields: object): object {
    return { generation: this.number, ...fields }
  }
}
