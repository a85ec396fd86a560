import { Connections } from '../connections/index.js'
import { type Launcher, launcher, type Predecessor } from '../handover/index.js'
import { type ChannelMessages, publish } from './channels.js'
import { Hooks } from './hooks.js'
import { Settings } from './settings.js'
import { Machine, type State } from './state.js'

/** One process of the service: what it is, what it was told, and what it says of itself. */
export class Generation {
  readonly predecessor: Predecessor | undefined
  /** 0 for the first, one more at each upgrade. */
  readonly number: number
  readonly settings: Settings = new Settings()
  readonly machine: Machine = new Machine((from, to) => this.tell('endless:state', { from, to }))
  readonly hooks: Hooks = new Hooks()
  readonly connections: Connections = new Connections()
  /** Whether connections can come from the predecessor and go to the successor. */
  migrates = false

  constructor(predecessor: Predecessor | undefined) {
    this.predecessor = predecessor
    this.number = predecessor?.handover.generation ?? 0
  }

  /** Who started this process and waits for it; a successor has nobody who does. */
  get launcher(): Launcher | undefined {
    return this.predecessor || this.settings.values.ignoreLauncher ? undefined : launcher()
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
