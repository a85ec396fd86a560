import { hasTerminal, startedWithoutHangup } from '../node/index.js'

/** How often to look whether the terminal is there still, in ms. */
const lookEvery = 1_000

/**
 * Whether a HUP came because the terminal is gone, and not because somebody deploys. Node does not say who
 * sent a signal: one that comes right after the terminal went is the kernel's, or a shell's that passed it
 * on. A service that lost its terminal long ago, without a word, is deployed like any other.
 */
export class Hangup {
  readonly #isIgnored = startedWithoutHangup()
  #hadTerminal = hasTerminal()
  readonly #timer: NodeJS.Timeout | undefined

  constructor() {
    if (this.#hadTerminal) this.#timer = setInterval(() => this.#look(), lookEvery).unref()
  }

  /**
   * What such a HUP means: the end, as for any Node process, or nothing where the process was started to
   * outlive its terminal (nohup); undefined where it is none.
   */
  meaning(signal: NodeJS.Signals): 'end' | 'nothing' | undefined {
    if (signal !== 'SIGHUP' || !this.#hadTerminal) return undefined
    this.#look()
    if (this.#hadTerminal) return undefined
    return this.#isIgnored ? 'nothing' : 'end'
  }

  uninstall(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    this.#hadTerminal = hasTerminal()
    if (!this.#hadTerminal) clearInterval(this.#timer)
  }
}
