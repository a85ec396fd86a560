import { AsyncLocalStorage } from 'node:async_hooks'
import { inspect } from 'node:util'
import { type Exchange, failExchange } from '../connections/index.js'
import { exit } from '../drain/index.js'
import { messageOf } from '../errors.js'
import type { Generation } from '../generation/index.js'

/**
 * An exception that nobody catches, where the app wants it to cost the request that threw and no other: the
 * `onCrash` option.
 */
export class Crash {
  readonly #generation: Generation
  readonly #handOver: () => Promise<unknown>
  /** Which request code runs for, however late it throws. */
  readonly #context = new AsyncLocalStorage<Exchange>()
  #unwatch: (() => void) | undefined
  readonly #caught = (error: unknown): void => void this.#crash(error)

  /** @param handOver settles when a successor serves */
  constructor(generation: Generation, handOver: () => Promise<unknown>) {
    this.#generation = generation
    this.#handOver = handOver
  }

  /** Does what the settings want from here on. */
  install(): void {
    if (this.#unwatch || this.#generation.settings.values.onCrash !== 'handover') return
    this.#unwatch = this.#generation.connections.onRequest((_, exchange) =>
      this.#context.enterWith(exchange),
    )
    process.on('uncaughtException', this.#caught)
  }

  uninstall(): void {
    this.#unwatch?.()
    this.#unwatch = undefined
    process.off('uncaughtException', this.#caught)
  }

  async #crash(error: unknown): Promise<void> {
    // Somebody else has a say in it: it is caught.
    if (process.listenerCount('uncaughtException') > 1) return
    const generation = this.#generation
    const exchange = this.#context.getStore()
    // As Node prints it.
    console.error('%s', `Uncaught ${inspect(error)}`)
    if (generation.hasCrashed) return failExchange(exchange)
    generation.hasCrashed = true
    const { hammerTime } = generation.settings.values
    const why = this.#whyNot()
    if (why) {
      generation.error(`Uncaught exception, and ${why}: exiting`, error)
      return exit(generation, 1)
    }
    generation.error('Uncaught exception: a successor takes over', error)
    failExchange(exchange)
    // It has one already.
    if (generation.state === 'draining') return
    if (hammerTime !== false) setTimeout(() => void exit(generation, 1), hammerTime).unref()
    try {
      await this.#handOver()
      // The upgrade that was under way when it threw.
      if (!['draining', 'exited'].includes(generation.state)) throw new Error('the upgrade failed')
    } catch (cause) {
      generation.error(`No successor takes over: ${messageOf(cause)}`, undefined)
      await exit(generation, 1)
    }
  }

  /** Why it is better to end at once; undefined where it is not. */
  #whyNot(): string | undefined {
    const { state, predecessor } = this.#generation
    if (state === 'draining') return undefined
    if (state === 'starting' || state === 'exited') return `this generation is ${state}`
    return predecessor?.alive ? 'the predecessor stands by' : undefined
  }
}
