/**
 * What is replayed on the socket of a connection whose request another process has answered already, or begun to: the
 * head of that request goes to Node's parser as the 'data' that it listens to, and the head of what the app answers
 * stays here. `write`, `end` and `destroy` of that one socket are others meanwhile. Node 20, 22, 24 and 26 do the same
 * with all of them.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** For so long a client that was refused may take to go, in ms. */
const farewellTime = 1_000
const endOfHead = '\r\n\r\n'

/** What its client was told already, and who hears what became of it. */
export interface Handshake {
  /** Whether the head of an answer says the same as the one that its client has. */
  readonly isSame: (head: string) => boolean
  /** For so long an app may think about it, in ms; undefined: for ever. */
  readonly longest: number | undefined
  /** What is written to a client that is refused, last of all. */
  readonly farewell: Uint8Array | undefined
  /** @param why for the log */
  readonly refused: (why: string) => void
}

type Written = readonly [
  chunk?: string | Uint8Array | null | (() => void),
  encoding?: BufferEncoding | ((error?: Error) => void),
  callback?: (error?: Error) => void,
]

/** The head of a request as it came, so that another process can read it. */
export function headOf(request: IncomingMessage): string {
  // Express and its like cut what they have matched off `url`.
  const { originalUrl } = request as IncomingMessage & { readonly originalUrl?: unknown }
  const url = typeof originalUrl === 'string' ? originalUrl : request.url
  const { method, httpVersion, rawHeaders } = request
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let n = 0; n + 1 < rawHeaders.length; n += 2)
    lines.push(`${rawHeaders[n]}: ${rawHeaders[n + 1]}`)
  return `${lines.join('\r\n')}${endOfHead}`
}

/** Whether an answer grants an upgrade. */
export function isSwitch(head: string): boolean {
  return statusOf(head) === 101
}

/** Of the head of an answer. */
function statusOf(head: string): number {
  return Number(/^HTTP\/1\.\d (\d{3})[ \r]/.exec(head)?.[1])
}

/**
 * Lets the server of this socket, which has accepted it in this turn of the event loop, read the head of a request
 * whose client has the head of an answer already. That of the app is swallowed; one that says something else is not
 * sent, as its client is at something else, in which `farewell` is said.
 */
export function replay(socket: Socket, head: string, handshake: Handshake): void {
  new Replay(socket, handshake)
  socket.emit('data', Buffer.from(head, 'latin1'))
}

/** Those whose app has not answered yet. */
const running = new WeakMap<Socket, Replay>()

/** Its socket goes to another process before the app has answered here. */
export function leaveOff(socket: Socket): void {
  running.get(socket)?.leaveOff()
}

/** A handshake of which only one side is there. */
class Replay {
  #phase: 'asking' | 'granted' | 'refused' = 'asking'
  #answer = ''
  readonly #socket: Socket
  readonly #handshake: Handshake
  readonly #late: NodeJS.Timeout | undefined
  readonly #real: Pick<Socket, 'write' | 'end' | 'destroy'>

  constructor(socket: Socket, handshake: Handshake) {
    this.#socket = socket
    this.#handshake = handshake
    const { write, end, destroy } = socket
    this.#real = { write, end, destroy }
    const written = (...call: Written): boolean => this.#written(call)
    const ended = (...call: Written): Socket => this.#ended(call)
    const destroyed = (): Socket => this.#refuse('ended the connection')
    Object.assign(socket, { write: written, end: ended, destroy: destroyed })
    running.set(socket, this)
    const { longest } = handshake
    if (longest === undefined) return
    this.#late = setTimeout(() => this.#refuse(`did not answer for ${longest} ms`), longest).unref()
    socket.once('close', () => clearTimeout(this.#late))
  }

  /** The socket is as it was. */
  leaveOff(): void {
    clearTimeout(this.#late)
    running.delete(this.#socket)
    for (const name of ['write', 'end', 'destroy']) Reflect.deleteProperty(this.#socket, name)
  }

  #written(call: Written): boolean {
    const [chunk, encoding] = call
    const callback = call.findLast((one) => typeof one === 'function')
    const bytes = bytesOf(chunk, encoding)
    if (callback) process.nextTick(callback)
    return this.#phase === 'refused' || bytes === undefined || this.#hear(bytes)
  }

  #ended(call: Written): Socket {
    this.#written(call)
    // It may have been granted by what was written just now.
    return this.#phase === 'granted' ? this.#socket.end() : this.#refuse('ended the connection')
  }

  #hear(bytes: Buffer): boolean {
    this.#answer += bytes.toString('latin1')
    const head = this.#cutHead()
    if (head === undefined) return true
    if (!this.#handshake.isSame(head)) {
      this.#refuse(`answered "${head.split('\r\n', 1)[0]}"`)
      return true
    }
    this.#phase = 'granted'
    this.leaveOff()
    return this.#answer === '' || this.#socket.write(Buffer.from(this.#answer, 'latin1'))
  }

  /** @returns undefined where it is not complete yet */
  #cutHead(): string | undefined {
    const at = this.#answer.indexOf(endOfHead)
    if (at < 0) return undefined
    const head = this.#answer.slice(0, at + endOfHead.length)
    this.#answer = this.#answer.slice(head.length)
    const status = statusOf(head)
    // Early hints and their like are no answer yet.
    return status >= 100 && status < 200 && status !== 101 ? this.#cutHead() : head
  }

  /** What else the app writes is no answer to anybody. */
  #refuse(why: string): Socket {
    const socket = this.#socket
    if (this.#phase !== 'asking') return socket
    this.#phase = 'refused'
    running.delete(socket)
    clearTimeout(this.#late)
    const { end, destroy } = this.#real
    const leave = (): void => void Reflect.apply(destroy, socket, [])
    const { farewell, refused } = this.#handshake
    socket.on('error', () => {})
    if (farewell === undefined) leave()
    else {
      // Who destroys a socket that has something unread resets it, and the farewell with it.
      const late = setTimeout(leave, farewellTime).unref()
      socket.once('close', () => clearTimeout(late)).on('end', leave)
      socket.resume()
      Reflect.apply(end, socket, [farewell])
    }
    refused(why)
    return socket
  }
}

function bytesOf(chunk: Written[0], encoding: Written[1]): Buffer | undefined {
  if (typeof chunk === 'string')
    return Buffer.from(chunk, typeof encoding === 'string' ? encoding : 'utf8')
  return chunk instanceof Uint8Array ? Buffer.from(chunk) : undefined
}
