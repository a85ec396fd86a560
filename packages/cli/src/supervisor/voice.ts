import { type Logger, stderrLogger } from '@endlessjs/core/fleet'

/** What the supervisor says of itself: lines on stderr, as an app without one prints them. */
export class Voice {
  readonly #logger: Logger

  constructor(logger: Logger = stderrLogger()) {
    this.#logger = logger
  }

  say(message: string): void {
    this.#logger.info({}, message)
  }

  /** @param err what is behind it */
  complain(message: string, err?: unknown): void {
    this.#logger.error(err === undefined ? {} : { err }, message)
  }
}
