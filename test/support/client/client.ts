import { Connection } from './connection.js'
import { compose, type Exchange, type Fault, sizeOf } from './exchange.js'
import type { Ledger } from './ledger.js'
import type { Message } from './parser.js'
import { between, type Random } from './random.js'
import type { LoadOptions, Mode, Reply } from './types.js'

const AFTER_REFUSED = 10

export type ClientOptions = Omit<LoadOptions, 'connections' | 'together' | 'seed'>

/** One client: a request, its end, a pause, the next request; never a second try. */
export class Client {
  readonly #number: number
  readonly #options: ClientOptions
  readonly #mode: Mode
  readonly #ledger: Ledger
  readonly #random: Random
  #connection: Connection | undefined
  #opened = 0
  #socket = 0
  #reused = false
  #last: Exchange | undefined
  #stopping = false
  #wake: () => void = () => {}

  constructor(number: number, options: ClientOptions, ledger: Ledger, random: Random) {
    this.#number = number
    this.#options = options
    this.#mode = options.mode ?? 'keep-alive'
    this.#ledger = ledger
    this.#random = random
  }

  /** @param others called after the first turn, and awaited before the next */
  async run(others?: () => Promise<void>): Promise<void> {
    for (let n = 0; !this.#stopping; n++) {
      if (n === 1) await others?.()
      if (this.#stopping) break
      const batch = await this.turn()
      const refused = batch.some((exchange) => exchange.failure?.kind === 'refused')
      const pause = Math.max(this.#thinkTime(), refused ? AFTER_REFUSED : 0)
      if (pause > 0) await this.#pause(pause)
    }
    this.close()
  }

  stop(): void {
    this.#stopping = true
    this.#wake()
  }

  close(): void {
    this.#connection?.close()
    this.#connection = undefined
  }

  /** Starts one request, or one batch of them, and sees it to its end. */
  async turn(): Promise<readonly Exchange[]> {
    const count = this.#mode === 'pipelined' ? (this.#options.pipeline ?? 4) : 1
    const batch = Array.from({ length: count }, () => this.#compose())
    const connection = this.#usable()
    const ended = connection.expect(batch, this.#options.timeout ?? 10_000)
    if (!connection.isOpen) await connection.ready
    await this.#send(connection, batch)
    await ended
    if (this.#mode === 'new-connection' || batch.some((exchange) => exchange.failure)) this.close()
    return batch
  }

  #compose(): Exchange {
    const n = this.#ledger.start()
    return compose(this.#options, this.#mode, this.#number, n, this.#random)
  }

  #usable(): Connection {
    this.#reused = this.#connection?.isOpen ?? false
    if (this.#connection && this.#reused) return this.#connection
    const { target, tls, method } = this.#options
    this.#last = undefined
    this.#connection = new Connection(target, tls, method === 'HEAD', {
      opened: () => this.#onOpened(),
      reply: (exchange, message) => this.#onReply(exchange, message),
      fault: (exchange, fault) => this.#ledger.fail(...this.#judge(exchange, fault)),
      closedIdle: () => this.#ledger.closedIdle(),
      surplus: (received) => this.#onSurplus(received),
    })
    return this.#connection
  }

  async #send(connection: Connection, batch: readonly Exchange[]): Promise<void> {
    const [exchange] = batch
    if (!exchange || !connection.isOpen) return
    if (this.#mode === 'pipelined') {
      connection.write(Buffer.concat(batch.flatMap(({ parts }) => parts)))
      for (const each of batch) each.written = sizeOf(each)
      return
    }
    for (const [i, part] of exchange.parts.entries()) {
      if (i > 0) await this.#gap(connection)
      if (!connection.isOpen) return
      connection.write(part)
      exchange.written += part.length
    }
  }

  async #gap(connection: Connection): Promise<void> {
    if (this.#mode === 'expect-continue') await connection.asked()
    if (this.#mode !== 'two-segments') return
    await new Promise<void>((resolve) => {
      afterReading(between(this.#random, 1, 20), resolve)
    })
  }

  #onOpened(): void {
    this.#opened += 1
    this.#socket = this.#ledger.opened(this.#opened > 1 && this.#mode !== 'new-connection')
  }

  #onReply(exchange: Exchange, { status, headers, body, size }: Message): void {
    const latency = performance.now() - exchange.started
    const reply = { status, headers, body, id: exchange.id, connection: this.#socket, latency }
    exchange.reply = reply
    this.#last = exchange
    const fault = this.#faultOf(reply, size)
    if (fault) this.#ledger.fail(...this.#judge(exchange, fault))
    else this.#ledger.ok()
    this.#ledger.reply(latency)
    this.#options.onReply?.(reply, fault?.kind)
  }

  #faultOf(reply: Reply, received: number): Fault | undefined {
    if (reply.status !== 200) {
      return { kind: 'status', why: `status ${reply.status}`, received, interim: 0 }
    }
    const why = objection(reply, this.#options.check)
    return why === undefined ? undefined : { kind: 'wrong', why, received, interim: 0 }
  }

  /** The server sent more than the reply said it would: that reply was not ok after all. */
  #onSurplus(received: number): void {
    const why = 'followed by bytes that answer no request'
    if (!this.#last || this.#last.failure) return
    this.#ledger.revoke(...this.#judge(this.#last, { kind: 'wrong', why, received, interim: 0 }))
  }

  #judge(exchange: Exchange, fault: Fault): [kind: Fault['kind'], sample: string] {
    const since = Math.round(performance.now() - this.#ledger.started)
    const sample = [
      `${fault.kind} ${this.#mode} ${exchange.line} ${exchange.id}: ${fault.why}`,
      `sent ${exchange.written} of ${sizeOf(exchange)} bytes`,
      `received ${fault.received} bytes${fault.interim > 0 ? ` after ${fault.interim} 1xx` : ''}`,
      fault.errno ?? 'no errno',
      `at ${since} ms`,
      `${this.#reused ? 'reused' : 'new'} connection`,
    ].join(', ')
    exchange.failure = { kind: fault.kind, sample }
    this.#options.onFailure?.(fault.kind)
    return [fault.kind, sample]
  }

  #thinkTime(): number {
    const { thinkTime = 0 } = this.#options
    if (typeof thinkTime === 'number') return thinkTime
    const [min, max] = thinkTime
    return min + this.#random() * (max - min)
  }

  #pause(ms: number): Promise<void> {
    if (this.#stopping) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = afterReading(ms, resolve)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function objection(reply: Reply, check: LoadOptions['check']): string | undefined {
  try {
    return check?.(reply)
  } catch (error) {
    return `check threw ${error}`
  }
}

/**
 * Calls after `ms` and one more round of reading: a timer that fires late must not make the client
 * act before it has seen what the kernel holds for it, a FIN for one.
 */
function afterReading(ms: number, call: () => void): NodeJS.Timeout {
  return setTimeout(() => setImmediate(call), ms)
}
