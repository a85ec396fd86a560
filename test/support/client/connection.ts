import { connect as connectPlain, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { Exchange, Fault } from './exchange.js'
import { Malformed, type Message, ResponseParser } from './parser.js'
import type { Target } from './types.js'

type Verdict = Pick<Fault, 'kind' | 'why' | 'errno'>

export interface ConnectionEvents {
  opened(): void
  reply(exchange: Exchange, message: Message): void
  fault(exchange: Exchange, fault: Fault): void
  /** The server has closed while no request was under way. */
  closedIdle(): void
  /** Bytes came in while no request was under way: the last reply was longer than it said. */
  surplus(bytes: number): void
}

/** One socket: decides for each request it was given how it ended, exactly once. */
export class Connection {
  readonly #socket: Socket
  readonly #parser: ResponseParser
  readonly #events: ConnectionEvents
  readonly #isTcp: boolean
  readonly ready: Promise<void>
  #state: 'connecting' | 'open' | 'closed' = 'connecting'
  #waiting: Exchange[] = []
  #interim = 0
  #timer: NodeJS.Timeout | undefined
  #whenReady: () => void = () => {}
  #whenSettled: () => void = () => {}
  #whenAsked: () => void = () => {}

  constructor(
    target: Target,
    tls: ConnectionOptions | undefined,
    toHead: boolean,
    events: ConnectionEvents,
  ) {
    this.#events = events
    this.#isTcp = 'port' in target
    this.#parser = new ResponseParser(toHead)
    this.ready = new Promise((resolve) => {
      this.#whenReady = resolve
    })
    this.#socket = dial(target, tls)
    this.#socket.setNoDelay(true)
    this.#socket.once(tls ? 'secureConnect' : 'connect', () => this.#onOpen())
    this.#socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    this.#socket.on('end', () => this.#onEnd())
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#lose(error))
    this.#socket.on('close', () => this.#lose())
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** From here on the batch is under way. Resolves when each of it has ended. */
  expect(batch: readonly Exchange[], timeout: number): Promise<void> {
    this.#waiting = [...batch]
    this.#interim = 0
    const timer = setTimeout(() => {
      // A response may be waiting in the kernel while this process had no time to read it: read
      // before judging. By then the connection may have gone on to its next batch.
      setImmediate(() => {
        const why = `not complete after ${timeout} ms`
        if (this.#timer === timer) this.#failAll({ kind: 'timeout', why })
      })
    }, timeout)
    this.#timer = timer
    return new Promise((resolve) => {
      this.#whenSettled = resolve
    })
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  /** Resolves when the server has answered the head of the request, or never will. */
  asked(): Promise<void> {
    if (this.#waiting.length === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenAsked = resolve
    })
  }

  close(): void {
    this.#state = 'closed'
    this.#socket.destroy()
    this.#settle()
  }

  #onOpen(): void {
    if (this.#state !== 'connecting') return
    this.#state = 'open'
    this.#events.opened()
    this.#whenReady()
  }

  #onData(chunk: Buffer): void {
    if (this.#state !== 'open') return
    this.#parser.push(chunk)
    if (this.#waiting.length === 0) this.#onSurplus()
    while (this.#waiting.length > 0) {
      const message = this.#read()
      if (message === undefined) break
      this.#onMessage(message)
    }
    if (this.#parser.inBody) this.#whenAsked()
  }

  #read(): Message | undefined {
    try {
      return this.#parser.next()
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      this.#failAll(
        { kind: 'reset', why: 'unanswered when a malformed response ended the connection' },
        { kind: 'wrong', why: `malformed response: ${error.message}` },
      )
      return undefined
    }
  }

  #onMessage(message: Message): void {
    if (message.interim) {
      this.#interim += 1
      if (message.status === 100) this.#whenAsked()
      return
    }
    const exchange = this.#waiting.shift()
    if (exchange === undefined) return
    this.#events.reply(exchange, message)
    const answered = this.#waiting.length === 0
    if (answered && this.#parser.received > 0) {
      this.#onSurplus()
    } else if (message.close) {
      this.#failAll({ kind: 'reset', why: 'unanswered after a response that closes' })
    } else if (answered) {
      this.#settle()
    }
  }

  #onSurplus(): void {
    this.#events.surplus(this.#parser.received)
    this.close()
  }

  #onEnd(): void {
    // libuv passes a reset off as the end when data has come with it. A socket that was reset has
    // no peer any more. (That cannot be told for a Unix socket.)
    if (this.#isTcp && this.#socket.remoteAddress === undefined) {
      this.#lose({ code: 'ECONNRESET', message: 'read ECONNRESET' })
      return
    }
    const message = this.#waiting.length > 0 ? this.#parser.end() : undefined
    if (message) this.#onMessage(message)
    else this.#lose()
  }

  #lose(error?: { code?: string | undefined; message: string }): void {
    if (this.#state === 'closed') return
    const errno = error ? (error.code ?? error.message) : undefined
    if (this.#state === 'connecting') {
      const why = error ? error.message : 'closed while connecting'
      this.#failAll({ kind: 'refused', why, errno })
    } else if (this.#waiting.length > 0) {
      const how = error ? 'broken' : 'closed'
      const reset: Verdict = { kind: 'reset', why: `${how} before the response`, errno }
      const cut: Verdict = { kind: 'cut', why: `${how} within the response`, errno }
      this.#failAll(reset, this.#parser.received > 0 ? cut : reset)
    } else {
      this.close()
      this.#events.closedIdle()
    }
  }

  /** Ends the connection and with it all that is under way, the oldest of it with `first`. */
  #failAll(rest: Verdict, first: Verdict = rest): void {
    const failing = this.#waiting
    const { received } = this.#parser
    this.#waiting = []
    this.close()
    for (const [i, exchange] of failing.entries()) {
      const verdict = i === 0 ? { ...first, received } : { ...rest, received: 0 }
      this.#events.fault(exchange, { ...verdict, interim: this.#interim })
    }
  }

  #settle(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#whenReady()
    this.#whenAsked()
    this.#whenSettled()
  }
}

function dial(target: Target, tls: ConnectionOptions | undefined): Socket {
  const where =
    'path' in target
      ? { path: target.path }
      : { port: target.port, host: target.host ?? '127.0.0.1' }
  return tls ? connectTls({ ...tls, ...where }) : connectPlain(where)
}
