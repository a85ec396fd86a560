import type { Generation } from '../generation/index.js'
import { canStandUnder } from '../node/index.js'

/** Whether HTTP/2 clients get a notice before the GOAWAY that ends their session. */
export class Notice {
  readonly #generation: Generation
  #hasWarned = false

  constructor(generation: Generation) {
    this.#generation = generation
  }

  /** Asked for each connection: another app may set it later. */
  get isGiven(): boolean {
    if (!this.#generation.settings.values.http2Notice) return false
    if (canStandUnder()) return true
    if (!this.#hasWarned)
      this.#generation.warn(
        `http2Notice: this Node (${process.version}) has no JSStream under its sessions; one GOAWAY is sent`,
      )
    this.#hasWarned = true
    return false
  }
}
