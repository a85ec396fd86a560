import type { Socket } from 'node:net'
import { EndlessError, messageOf } from '../errors.js'
import { Lines } from './lines.js'
import {
  type ControlFailure,
  type ControlReply,
  type ControlRequest,
  lineLimit,
  parseRequest,
  type RequestId,
} from './protocol.js'

/**
 * Answers what is asked over a control socket.
 * @param args as they came: check them
 * @param progress tells the client how far it is; what a slow client has not read is left out
 * @param signal aborts when the client is gone or the server closes: nobody waits for the answer
 * @returns what the client gets, as JSON; an error goes there with its code and message
 */
export type ControlHandler = (
  command: string,
  args: unknown,
  progress: (event: object) => void,
  signal: AbortSignal,
) => Promise<unknown>

/** From how many unread bytes on events are left out: a reader that comes back needs the latest, not all. */
const progressLimit = 64 * 1024
/** How many unread bytes there may be before the client is cut off. */
const cutLimit = 1024 * 1024
/** How many requests of one client run at a time. */
const mostRunning = 16
/** How long a client has to read its last answers once the server closes, in ms. */
const farewell = 1_000

/** One client of a control server. */
export class Peer {
  readonly #socket: Socket
  readonly #handle: ControlHandler
  readonly #lines = new Lines(lineLimit)
  readonly #running = new Map<AbortController, RequestId>()
  readonly #closed: Promise<void>

  /** @param gone told when the connection is no more */
  constructor(socket: Socket, handle: ControlHandler, gone: (peer: Peer) => void) {
    this.#socket = socket
    this.#handle = handle
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    // A client that only half closes cannot be told from one that was killed: both are gone.
    socket.on('end', () => socket.destroy())
    // ECONNRESET, EPIPE: it is gone; 'close' follows.
    socket.on('error', () => {})
    this.#closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#abort()
        gone(this)
        resolve()
      })
    })
  }

  unref(): void {
    this.#socket.unref()
  }

  /** Ends the connection; what was answered still gets there. Settles when it has ended. */
  leave(): Promise<void> {
    const error = failureOf(
      new EndlessError('ERR_ENDLESS_CONTROL', 'the service has closed its control socket'),
    )
    for (const id of this.#running.values()) this.#send({ id, error })
    this.#abort()
    const timer = setTimeout(() => this.#socket.destroy(), farewell).unref()
    this.#socket.once('close', () => clearTimeout(timer))
    this.#socket.end(() => this.#socket.destroy())
    return this.#closed
  }

  #read(chunk: Buffer): void {
    for (const line of this.#lines.push(chunk)) {
      if (line?.trim() === '') continue
      const parsed = parseRequest(line)
      if ('request' in parsed) this.#take(parsed.request)
      else this.#refuse(parsed.id, parsed.refusal)
    }
  }

  #take(request: ControlRequest): void {
    if (this.#running.size < mostRunning) return void this.#answer(request)
    this.#refuse(
      request.id,
      `${mostRunning} requests of this client run already: wait for an answer, then ask again`,
    )
  }

  #refuse(id: RequestId | null, message: string): void {
    this.#send({ id, error: failureOf(new EndlessError('ERR_ENDLESS_CONTROL', message)) })
  }

  async #answer({ id, command, args }: ControlRequest): Promise<void> {
    const running = new AbortController()
    this.#running.set(running, id)
    const progress = (event: object): void => {
      const isWelcome = this.#running.has(running) && this.#socket.writableLength < progressLimit
      if (isWelcome) this.#send({ id, event })
    }
    let reply: ControlReply
    try {
      const result = await this.#handle(command, args, progress, running.signal)
      reply = { id, result: result ?? null }
    } catch (error) {
      reply = { id, error: failureOf(error) }
    }
    // Not where it was aborted: nobody waits, or has been answered.
    if (this.#running.delete(running)) this.#send(reply)
  }

  #abort(): void {
    const reason = new EndlessError(
      'ERR_ENDLESS_CONTROL',
      'the client of the control socket is gone',
    )
    const all = [...this.#running.keys()]
    this.#running.clear()
    for (const running of all) running.abort(reason)
  }

  #send(reply: ControlReply): void {
    if (!this.#socket.writable) return
    // It asks and never reads: what it is owed would grow for ever.
    if (this.#socket.writableLength > cutLimit) return void this.#socket.destroy()
    this.#socket.write(`${textOf(reply)}\n`)
  }
}

function textOf(reply: ControlReply): string {
  try {
    return JSON.stringify(reply)
  } catch (error) {
    // A circle, a BigInt: a mistake of the handler, of which its client hears.
    return JSON.stringify({ id: reply.id, error: failureOf(error) })
  }
}

function failureOf(thrown: unknown): ControlFailure {
  const code = thrown instanceof EndlessError ? thrown.code : 'ERR_ENDLESS_CONTROL'
  return { code, message: messageOf(thrown) }
}
