import { EndlessError } from '../errors.js'
import type { Generation, SignalMap, When } from '../generation/index.js'
import { Hangup } from './hangup.js'
import { Others } from './others.js'

/** What signals do; each action awaits `before`, the signal's pre-hooks. */
export interface SignalActions {
  upgrade(before: () => Promise<void>): Promise<unknown>
  stop(before: () => Promise<void>): Promise<void>
  hammer(): void
}

/**
 * The signals that are handled: those with an action, and those with a hook. USR1 (Node's
 * inspector) and TSTP (Ctrl-Z) have no action in any preset, so they are taken only for a hook.
 */
export class Signals {
  readonly #taken = new Map<NodeJS.Signals, NodeJS.SignalsListener>()
  readonly #generation: Generation
  readonly #actions: SignalActions
  readonly #others: Others
  readonly #hangup = new Hangup()
  #uninstalled = false

  constructor(generation: Generation, actions: SignalActions) {
    this.#generation = generation
    this.#actions = actions
    generation.hooks.changed = () => this.install()
    this.#others = new Others(
      (signal, listener) => this.#taken.get(signal) === listener,
      // One that comes later than ready is as dangerous.
      (signal) => void (generation.state !== 'starting' && this.#settle(signal)),
    )
  }

  /** Handles exactly what the settings and the hooks want from here on. */
  install(): void {
    // A hook may be taken out later than everything else.
    if (this.#uninstalled) return
    const map = this.#map
    const hooked = this.#generation.hooks.signals()
    const named = Object.entries(map || {}).filter(([, action]) => action !== undefined)
    const acting = named.map(([signal]) => signal as NodeJS.Signals)
    const theirs = this.#generation.launcher?.signals ?? []
    const ours = acting.filter((signal) => !theirs.includes(signal))
    const wanted = new Set(map ? [...ours, ...hooked] : [])
    // One that stays is not taken anew: between off and on its default would end the process.
    for (const signal of wanted) if (!this.#taken.has(signal)) this.#take(signal)
    for (const signal of [...this.#taken.keys()]) if (!wanted.has(signal)) this.#release(signal)
  }

  uninstall(): void {
    this.#uninstalled = true
    this.#others.uninstall()
    this.#hangup.uninstall()
    for (const signal of [...this.#taken.keys()]) this.#release(signal)
  }

  /** Says who else handles a signal that we act on: better now than at the first deploy. */
  settleWithOthers(): void {
    for (const signal of Object.keys(this.#map || {})) this.#settle(signal as NodeJS.Signals)
  }

  #settle(signal: NodeJS.Signals): void {
    this.#takeOver(signal)
    const others = this.#othersOn(signal)
    const action = this.#map ? this.#map[signal] : undefined
    if (others.length === 0) return
    if (action === 'upgrade') this.#generation.warn(sharedError(signal, others).message)
    if (action === 'shutdown')
      this.#generation.warn(
        `${signal} is handled by others as well (${others.join(', ')}): one that exits cuts the ` +
          'requests that a graceful stop waits for. Use the onExit hook instead',
      )
  }

  /** What means an upgrade or a hammer must not be the end of the app for a library that we know. */
  #takeOver(signal: NodeJS.Signals): void {
    const action = this.#map ? this.#map[signal] : undefined
    const acts = action === 'upgrade' || action === 'hammer'
    if (!acts || !this.#taken.has(signal) || this.#isShared(signal)) return
    const names = this.#others.takeOver(signal)
    if (names.length > 0)
      this.#generation.info(
        `${signal} means ${action} here: taken over from ${names.join(', ')}, which would shut down by it.`,
      )
  }

  #isShared(signal: NodeJS.Signals): boolean {
    return this.#generation.settings.values.sharedSignals.includes(signal)
  }

  /** @returns who else handles it, unless that is said to be harmless */
  #othersOn(signal: NodeJS.Signals): string[] {
    return this.#taken.has(signal) && !this.#isShared(signal) ? this.#others.on(signal) : []
  }

  get #map(): SignalMap | false {
    return this.#generation.settings.values.signals
  }

  #received(signal: NodeJS.Signals): void {
    this.#generation.tell('endless:signal', { signal })
    const action = this.#map ? this.#map[signal] : undefined
    const act = { upgrade: this.#upgrade, hammer: this.#hammer, shutdown: this.#shutdown }
    void (action ? act[action] : this.#onlyHooks).call(this, signal)
  }

  async #upgrade(signal: NodeJS.Signals): Promise<void> {
    const meaning = this.#hangup.meaning(signal)
    if (meaning === 'nothing')
      return this.#generation.info(
        `Received ${signal}. The terminal is gone: ignored, as nohup asks.`,
      )
    if (meaning === 'end') {
      this.#generation.info(`Received ${signal}. The terminal is gone: no upgrade, but the end.`)
      return this.#shutdown(signal)
    }
    const others = this.#othersOn(signal)
    if (others.length > 0) {
      const err = sharedError(signal, others)
      return this.#generation.warn(`Received ${signal}. Upgrade refused`, { err })
    }
    this.#generation.info(`Received ${signal}. Upgrading.`)
    let begun = false
    const before = async (): Promise<void> => {
      begun = true
      // A throwing pre-hook cancels the upgrade.
      await this.#generation.hooks.runSignal('pre', signal)
    }
    await this.#actions.upgrade(before).catch((error) => {
      // An EndlessError was logged where it arose; anything else is a bug and nobody has seen it.
      if (!(error instanceof EndlessError)) this.#generation.error('Upgrade failed', error)
    })
    if (begun) await this.#run('post', signal)
  }

  async #hammer(signal: NodeJS.Signals): Promise<void> {
    if (this.#generation.state !== 'draining' && !this.#generation.supervisor)
      return this.#generation.info(`Received ${signal}. Nothing drains: ignored.`)
    this.#generation.info(`Received ${signal}. Hammer.`)
    await this.#run('pre', signal)
    this.#actions.hammer()
    await this.#run('post', signal)
  }

  async #shutdown(signal: NodeJS.Signals): Promise<void> {
    this.#generation.info(`Received ${signal}. Stopping.`)
    if (this.#others.on(signal).length > 0) this.#generation.sharesStop = true
    let first = false
    await this.#actions.stop(async () => {
      first = true
      await this.#run('pre', signal)
    })
    if (first) await this.#run('post', signal)
  }

  async #onlyHooks(signal: NodeJS.Signals): Promise<void> {
    this.#generation.info(`Received ${signal}.`)
    await this.#run('pre', signal)
    await this.#run('post', signal)
  }

  /** Nothing but an upgrade is cancelled by a hook that throws. */
  async #run(when: When, signal: NodeJS.Signals): Promise<void> {
    await this.#generation.hooks
      .runSignal(when, signal)
      .catch((error) => this.#generation.error(`A hook of ${signal} failed`, error))
  }

  #take(signal: NodeJS.Signals): void {
    const handler = (): void => this.#received(signal)
    this.#taken.set(signal, handler)
    try {
      // First, so that a handler that goes at its signal (close-with-grace's) is still there to be seen.
      process.prependListener(signal, handler)
    } catch (error) {
      // Windows knows fewer signals; a map that names them must work there all the same.
      this.#taken.delete(signal)
      if (process.platform !== 'win32') throw error
    }
  }

  #release(signal: NodeJS.Signals): void {
    const handler = this.#taken.get(signal)
    if (handler) process.off(signal, handler)
    this.#taken.delete(signal)
  }
}

function sharedError(signal: NodeJS.Signals, others: readonly string[]): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_SIGNAL_SHARED',
    `an upgrade by ${signal} is refused: others handle it as well (${others.join(', ')}), and would ` +
      `shut this generation down while its successor starts. Leave ${signal} out there and use the onExit ` +
      `hook, or say that it is harmless with sharedSignals: ['${signal}']`,
  )
}
