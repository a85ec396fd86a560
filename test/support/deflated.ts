import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'

/** With what a message ends that is flushed: it is left out on the wire. */
const tail = Buffer.of(0, 0, 0xff, 0xff)
const finishFlush = constants.Z_SYNC_FLUSH

/** What was agreed on for one direction. */
export interface DirectionOptions {
  /** Whether a message may refer to those before. */
  readonly takeover?: boolean
  readonly windowBits?: number
}

/** One direction of permessage-deflate (RFC 7692), by what was said in it. */
export class Direction {
  readonly #takeover: boolean
  readonly #windowBits: number
  #said = Buffer.alloc(0)

  constructor({ takeover = true, windowBits = 15 }: DirectionOptions = {}) {
    this.#takeover = takeover
    this.#windowBits = windowBits
  }

  /** @returns the payload of a message, which refers to those before where it may */
  deflate(text: string | Buffer): Buffer {
    const bytes = Buffer.from(text)
    const payload = deflateRawSync(bytes, { ...this.#options, finishFlush }).subarray(0, -4)
    this.#add(bytes)
    return payload
  }

  inflate(payload: Buffer): Buffer {
    const whole = Buffer.concat([payload, tail])
    const bytes = inflateRawSync(whole, { ...this.#options, finishFlush })
    this.#add(bytes)
    return bytes
  }

  get #options(): { windowBits: number; dictionary?: Buffer } {
    const windowBits = this.#windowBits
    return this.#said.length > 0 ? { windowBits, dictionary: this.#said } : { windowBits }
  }

  #add(bytes: Buffer): void {
    if (this.#takeover)
      this.#said = Buffer.concat([this.#said, bytes]).subarray(-(2 ** this.#windowBits))
  }
}
