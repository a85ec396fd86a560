import { type Deflate, deflateOf, type Inside } from './internals.js'

/** How far back a compressed message may refer, in bytes, at most. */
const largest = 32 * 1024

/**
 * What a client has said last, as far back as its next compressed message may refer to it. zlib does not give its
 * window away, but between two messages it is the end of what came out.
 */
export class Window {
  #parts: Buffer[] = []
  #length = 0

  /** @param was what it was in the predecessor */
  constructor(was: Buffer | undefined) {
    if (was) this.add(was)
  }

  add(bytes: Buffer): void {
    // A copy: it is the app's, which may write into it.
    this.#parts.push(Buffer.from(bytes.subarray(-largest)))
    this.#length += Math.min(bytes.length, largest)
    if (this.#length > 4 * largest) this.#cut()
  }

  get bytes(): Buffer {
    this.#cut()
    return this.#parts[0] ?? Buffer.alloc(0)
  }

  #cut(): void {
    const all = Buffer.concat(this.#parts).subarray(-largest)
    this.#parts = [Buffer.from(all)]
    this.#length = all.length
  }
}

/**
 * Remembers what its client says compressed.
 * @param was its window in the predecessor: what comes first may refer to that
 * @returns undefined where no message refers to the one before
 */
export function windowOf(socket: Inside, was: Buffer | undefined): Window | undefined {
  const deflate = deflateOf(socket)
  if (!deflate || deflate.params.client_no_context_takeover) return undefined
  const window = new Window(was)
  if (was && was.length > 0) startWith(deflate, was)
  const { decompress } = deflate
  deflate.decompress = (data, fin, callback) =>
    Reflect.apply(decompress, deflate, [
      data,
      fin,
      (error: Error | null, result?: Buffer) => {
        if (result) window.add(result)
        callback(error, result)
      },
    ])
  return window
}

/** Its inflater is made when the first message comes. */
function startWith(deflate: Deflate, dictionary: Buffer): void {
  const { _options: options } = deflate
  deflate._options = {
    ...options,
    zlibInflateOptions: { ...options.zlibInflateOptions, dictionary },
  }
}
