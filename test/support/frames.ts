/** Frames of RFC 6455 of which nothing is checked: a script also says what nobody may say. */

/** What is at the beginning of a frame beside its opcode. */
export interface FrameOptions {
  readonly fin?: boolean
  /** The three reserved bits as a number: 4 for RSV1. */
  readonly rsv?: number
  readonly masked?: boolean
}

/** A frame that was read. */
export interface Frame {
  readonly fin: boolean
  readonly rsv: number
  readonly opcode: number
  readonly payload: Buffer
}

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** The same each time: what is compared is what comes back. */
const key = Buffer.of(0x12, 0xb4, 0x56, 0xf8)

/** A frame as a client says it. */
export function frame(
  opcode: number,
  payload: string | Buffer = '',
  { fin = true, rsv = 0, masked = true }: FrameOptions = {},
): Buffer {
  const bytes = Buffer.from(payload)
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  const bit = masked ? 0x80 : 0
  const { length } = bytes
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10)
  head[0] = first
  head[1] = bit | (length < 126 ? length : length < 65_536 ? 126 : 127)
  if (head.length === 4) head.writeUInt16BE(length, 2)
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2)
  if (!masked) return Buffer.concat([head, bytes])
  const hidden = bytes.map((byte, n) => byte ^ (key[n % 4] ?? 0))
  return Buffer.concat([head, key, hidden])
}

/** The payload of a close frame. */
export function reasonOf(code: number, reason: string | Buffer = ''): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(code)
  return Buffer.concat([bytes, Buffer.from(reason)])
}

/** Takes apart what a server says. */
export class FrameReader {
  #bytes = Buffer.alloc(0)

  /** @returns the frames that are whole with it */
  read(bytes: Buffer): Frame[] {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    const frames: Frame[] = []
    for (let next = this.#next(); next; next = this.#next()) frames.push(next)
    return frames
  }

  /** Of a frame that is not whole. */
  get rest(): Buffer {
    return this.#bytes
  }

  #next(): Frame | undefined {
    const [first = 0, second = 0] = this.#bytes
    const short = second & 0x7f
    const from = short < 126 ? 2 : short === 126 ? 4 : 10
    if (this.#bytes.length < from) return undefined
    const length =
      short < 126
        ? short
        : short === 126
          ? this.#bytes.readUInt16BE(2)
          : Number(this.#bytes.readBigUInt64BE(2))
    if (second & 0x80) throw new Error('a server masks nothing')
    if (this.#bytes.length < from + length) return undefined
    const payload = this.#bytes.subarray(from, from + length)
    this.#bytes = this.#bytes.subarray(from + length)
    return { fin: first > 127, rsv: (first >> 4) & 7, opcode: first & 15, payload }
  }
}
