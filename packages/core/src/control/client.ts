import { connect, type Socket } from 'node:net'
import { EndlessError, isErrorCode, messageOf } from '../errors.js'
import { Lines } from './lines.js'
import {
  type ControlFailure,
  type ControlReply,
  type ControlRequest,
  lineLimit,
  parseReply,
  protocolVersion,
} from './protocol.js'
import { checkLength } from './socketfile.js'

/** Told of each event, as it came. */
export type ProgressListener = (event: object) => void

interface Pending {
  readonly command: string
  readonly onEvent: ProgressListener | undefined
  readonly resolve: (result: unknown) => void
  readonly reject: (error: EndlessError) => void
}

/** Asks a service over its control socket. A connection keeps the process alive until {@link close}. */
export class ControlClient {
  readonly #socket: Socket
  readonly #path: string
  // The service is of the same user, and a status may be long.
  readonly #lines = new Lines(Number.POSITIVE_INFINITY)
  readonly #pending = new Map<number, Pending>()
  #lastId = 0

  private constructor(socket: Socket, path: string) {
    this.#socket = socket
    this.#path = path
    socket.on('data', (chunk: Buffer) => {
      for (const line of this.#lines.push(chunk)) this.#take(line)
    })
    // 'close' follows, and says it.
    socket.on('error', () => {})
    socket.on('close', () => this.#ended())
  }

  /**
   * @throws EndlessError `ERR_ENDLESS_NO_SERVICE` where nobody answers at this path, `ERR_ENDLESS_CONTROL`
   *   where this user may not ask
   */
  static async connect(path: string): Promise<ControlClient> {
    checkLength(path)
    const socket = connect(path)
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', (cause) => reject(whyNot(path, cause)))
    })
    socket.removeAllListeners('error')
    return new ControlClient(socket, path)
  }

  /**
   * @param onEvent told how far it is
   * @returns what the service answered: check it, it may be of another release
   * @throws EndlessError with the code and message of the service, or `ERR_ENDLESS_CONTROL` where the
   *   connection ended before an answer
   */
  async request(command: string, args?: unknown, onEvent?: ProgressListener): Promise<unknown> {
    const id = ++this.#lastId
    const request: ControlRequest = { endless: protocolVersion, id, command, args }
    const line = JSON.stringify(request)
    if (Buffer.byteLength(line) > lineLimit)
      throw new EndlessError(
        'ERR_ENDLESS_CONTROL',
        `${command}: expected a request of at most ${lineLimit} bytes, got ${Buffer.byteLength(line)}`,
      )
    return new Promise((resolve, reject) => {
      const pending = { command, onEvent, resolve, reject }
      if (!this.#socket.writable) return reject(this.#endedBefore(pending))
      this.#pending.set(id, pending)
      this.#socket.write(`${line}\n`)
    })
  }

  /** Ends the connection: the service takes that for a client that is gone. */
  close(): void {
    this.#socket.destroy()
  }

  #take(line: string | undefined): void {
    const reply = parseReply(line)
    if (!reply)
      return this.#fail({
        code: 'ERR_ENDLESS_CONTROL',
        message: `what answers at ${this.#path} is no service of ours, or of another release`,
      })
    // It could make nothing of a line of ours: of which one, it does not know.
    if ('error' in reply && reply.id === null) return this.#fail(reply.error)
    const pending = typeof reply.id === 'number' ? this.#pending.get(reply.id) : undefined
    if (pending) this.#settle(reply.id, pending, reply)
  }

  #settle(id: ControlReply['id'], pending: Pending, reply: ControlReply): void {
    if ('event' in reply) return pending.onEvent?.(reply.event)
    if (typeof id === 'number') this.#pending.delete(id)
    if ('error' in reply) pending.reject(errorOf(reply.error))
    else pending.resolve(reply.result)
  }

  #fail(failure: ControlFailure): void {
    const all = [...this.#pending.values()]
    this.#pending.clear()
    for (const { reject } of all) reject(errorOf(failure))
    this.#socket.destroy()
  }

  #ended(): void {
    const all = [...this.#pending.values()]
    this.#pending.clear()
    for (const pending of all) pending.reject(this.#endedBefore(pending))
  }

  #endedBefore({ command }: Pending): EndlessError {
    return new EndlessError(
      'ERR_ENDLESS_CONTROL',
      `the connection to ${this.#path} ended before an answer to "${command}": what became of it, ` +
        'the log of the service says',
    )
  }
}

function errorOf({ code, message }: ControlFailure): EndlessError {
  return new EndlessError(isErrorCode(code) ? code : 'ERR_ENDLESS_CONTROL', message)
}

const nobodyThere = ['ENOENT', 'ECONNREFUSED', 'ENOTDIR']

function whyNot(path: string, cause: Error): EndlessError {
  const code = 'code' in cause ? String(cause.code) : ''
  if (nobodyThere.includes(code))
    return new EndlessError(
      'ERR_ENDLESS_NO_SERVICE',
      `no service answers at ${path}: start one (endless start), or say which (--name, --control)`,
      { cause },
    )
  const hint = code === 'EACCES' ? ': the service is of another user, ask as that one' : ''
  return new EndlessError('ERR_ENDLESS_CONTROL', `${messageOf(cause)}${hint}`, { cause })
}
