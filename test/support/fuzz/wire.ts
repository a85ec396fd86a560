import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Ask, Segment } from './ask.js'
import { type Answer, Expected } from './expected.js'

/** With nothing for so long an answer will not come any more, in ms. */
const patience = 8_000

/**
 * How a connection ended: `finished` by the client with everything answered, `closed` after an
 * answer that said so, `reset` by the client; `lost` by the service, `wrong` where a byte was.
 */
export type Fate = 'open' | 'finished' | 'closed' | 'reset' | 'lost' | 'wrong'

/** A connection of the client's, on which every byte is accounted for. */
export class Wire {
  readonly port: number
  readonly openedAt: number
  fate: Fate = 'open'
  /** What happened to it, in words. */
  why = ''
  readonly #socket: Socket
  readonly #expected = new Expected()
  #finishing = false
  #timer: NodeJS.Timeout | undefined
  #changed: (() => void)[] = []

  private constructor(socket: Socket) {
    this.#socket = socket
    this.port = socket.localPort ?? 0
    this.openedAt = Date.now()
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('end', () => this.#end('end'))
    socket.on('error', (error) => this.#end(error.message))
    socket.on('close', () => this.#end('close'))
  }

  static async open(port: number): Promise<Wire> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new Wire(socket)
  }

  get answers(): readonly Answer[] {
    return this.#expected.answers
  }

  /** Settles when fewer than `depth` are unanswered and more can be sent, or it is over. */
  async room(depth: number): Promise<void> {
    await this.#until(() => this.#expected.size < depth && !this.#expected.closing)
  }

  async send(ask: Ask): Promise<void> {
    this.#expected.add(ask)
    let left = ask.resetAfter ?? Number.POSITIVE_INFINITY
    const write = async (segments: readonly Segment[]): Promise<void> => {
      for (const { bytes, pause } of segments) {
        if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause))
        if (this.fate !== 'open') return
        if (left-- <= 0) return this.#reset(bytes.length % 2 === 0)
        this.#socket.write(bytes)
        this.#watch()
      }
    }
    await write(ask.head)
    if (ask.expects) await this.#until(() => !this.#expected.waitsForContinue)
    await write(ask.body)
    if (left === 0) this.#reset(true)
  }

  /** Everything is answered: says so, and sees that nothing comes any more. */
  async finish(): Promise<void> {
    if (this.fate === 'open') {
      this.#finishing = true
      this.#socket.end()
      this.#watch()
    }
    await this.#until(() => false)
  }

  async #until(condition: () => boolean): Promise<void> {
    while (this.fate === 'open' && !condition())
      await new Promise<void>((resolve) => this.#changed.push(resolve))
  }

  #read(chunk: Buffer): void {
    if (this.fate !== 'open') return
    this.#watch()
    try {
      this.#expected.push(chunk)
    } catch (error) {
      return this.#settle('wrong', String(error))
    }
    if (this.#expected.isSlow) {
      this.#socket.pause()
      setTimeout(() => this.#socket.resume(), 1 + (chunk.length % 10))
    }
    this.#tell()
  }

  #end(how: string): void {
    const done = this.#expected.size === 0
    if (done && this.#finishing && how === 'end') this.#settle('finished', how)
    else if (done && this.#expected.closing) this.#settle('closed', how)
    else this.#settle('lost', `${how}, waiting for [${this.#expected}]`)
  }

  #reset(hard: boolean): void {
    this.#settle('reset', hard ? 'hard' : '')
  }

  #settle(fate: Fate, why: string): void {
    if (this.fate !== 'open') return
    this.fate = fate
    this.why = why
    clearTimeout(this.#timer)
    if (fate === 'reset' && why === 'hard') this.#socket.resetAndDestroy()
    else this.#socket.destroy()
    this.#tell()
  }

  /** A connection on which nothing moves any more is as wrong as one with a wrong byte. */
  #watch(): void {
    clearTimeout(this.#timer)
    const hung = (): void => {
      if (this.#expected.size > 0 || this.#finishing)
        this.#settle('wrong', `nothing came for ${patience} ms, waiting for [${this.#expected}]`)
    }
    this.#timer = setTimeout(hung, patience)
  }

  #tell(): void {
    for (const resolve of this.#changed.splice(0)) resolve()
  }
}
