import { closeSync, readSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Handle } from './handle.js'
import { openPipe, type PipeHandle } from './pipes.js'
import { isSocket } from './stat.js'

/**
 * How many connections can be on their way at once, each in a channel of its own: a process reads one
 * handle from a channel per turn of its event loop, and a turn of a busy process is long. So many that a
 * successor with long turns gets its fill in each, so few that those of one turn are taken in within two
 * milliseconds.
 */
export const laneCount = 32

/** What comes with a line that carries a handle: the kernel may have had no fd for it. */
const withCargo = '+'
const newline = 0x0a
const polled = Buffer.alloc(16_384)

/** Called when the kernel has it, or with the reason why not. */
export type Sent = (error?: Error | null) => void

interface Letter {
  readonly line: string
  readonly sent: Sent
  readonly cargo: Handle | undefined
}

/** Hears a message; `cargo` is undefined too where the kernel had no fd for the handle. */
export type Hear = (message: unknown, cargo: Handle | undefined) => void

/**
 * Messages of any length between two processes, both ways and in order, with or without a handle. It
 * keeps no process alive by itself once it is `unref`d.
 */
export class Channel {
  /** Settles when the other end is gone. */
  readonly closed: Promise<void>
  readonly #socket: Socket
  readonly #pipe: PipeHandle
  readonly #ears = new Set<Hear>()
  readonly #letters: Letter[] = []
  /** In the hands of Node's stream. */
  #writing = 0
  #carrying = false
  #isClosed = false
  #partial: Buffer[] = []
  readonly #handles: Handle[] = []

  constructor(socket: Socket, pipe: PipeHandle) {
    this.#socket = socket
    this.#pipe = pipe
    this.closed = new Promise((resolve) => {
      socket.once('close', () => resolve())
    })
    // Told to whoever sends; else the other end is gone, which shows as 'close'.
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && !this.#socket.readableEnded
  }

  /** @returns hears no more */
  listen(hear: Hear): () => void {
    this.#ears.add(hear)
    return () => void this.#ears.delete(hear)
  }

  /** @param cargo a handle, of which the other end gets a duplicate */
  send(message: object, sent: Sent = () => {}, cargo?: Handle): void {
    const line = `${cargo ? withCargo : ''}${JSON.stringify(message)}\n`
    this.#letters.push({ line, sent, cargo })
    this.#pump()
  }

  get fd(): number {
    return this.#pipe.fd
  }

  /**
   * Hears what has come, without waiting for the event loop, whose turns are long in a process that is
   * saturated. For channels by which no handle comes at present: a plain read would lose it.
   */
  poll(): void {
    try {
      for (let size = polled.length; size === polled.length; ) {
        size = this.isOpen ? readSync(this.#pipe.fd, polled) : 0
        if (size > 0) this.#read(Buffer.from(polled.subarray(0, size)))
      }
    } catch {
      // Nothing has come (EAGAIN); whatever else it is, libuv finds it as well.
    }
  }

  /** Another process reads what comes from here on. */
  pause(): void {
    this.#pipe.readStop()
  }

  resume(): void {
    if (this.isOpen) this.#pipe.readStart()
  }

  /** From here on it keeps this process alive no more. */
  unref(): void {
    this.#socket.unref()
  }

  close(): void {
    this.#isClosed = true
    this.#socket.destroy()
  }

  #pump(): void {
    for (;;) {
      const [next] = this.#letters
      // A line with a handle goes by itself: what waits in a stream would go without it.
      if (!next || this.#carrying || (next.cargo && this.#writing > 0)) return
      this.#letters.shift()
      this.#write(next)
    }
  }

  #write({ line, sent, cargo }: Letter): void {
    this.#writing++
    this.#carrying = cargo !== undefined
    if (cargo) this.#load(cargo)
    this.#socket.write(line, 'utf8', (error) => {
      this.#writing--
      this.#carrying = false
      sent(error ?? this.#whyCut())
      this.#pump()
    })
    if (cargo) Reflect.deleteProperty(this.#pipe, 'writeUtf8String')
  }

  /** Node tells whoever has a part of it in the kernel that all went well, when the other end dies over it. */
  #whyCut(): Error | undefined {
    if (this.#isClosed || !this.#socket.destroyed) return undefined
    return new Error('the other end is gone')
  }

  /** Puts a handle beside the next line. */
  #load(cargo: Handle): void {
    const pipe = this.#pipe
    const write = Object.getPrototypeOf(pipe).writeUtf8String as PipeHandle['writeUtf8String']
    pipe.writeUtf8String = (request, data) => {
      const result = Reflect.apply(write, pipe, [request, data, cargo]) as unknown
      // Node (before 26) has put the cargo there, and would tell its owner that the write ended.
      if (request) request.handle = pipe
      return result
    }
  }

  #read(chunk: Buffer): void {
    // A read brings one handle at most: that of the one line in it that has one, or of its beginning.
    const { pendingHandle } = this.#pipe
    this.#pipe.pendingHandle = undefined
    if (pendingHandle) this.#handles.push(pendingHandle)
    let from = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      this.#partial.push(chunk.subarray(from, end))
      this.#hear(String(Buffer.concat(this.#partial)))
      this.#partial = []
      from = end + 1
    }
    if (from < chunk.length) this.#partial.push(chunk.subarray(from))
  }

  #hear(line: string): void {
    const carries = line.startsWith(withCargo)
    const cargo = carries ? this.#handles.shift() : undefined
    const message = parse(carries ? line.slice(withCargo.length) : line)
    // Somebody else wrote into it: whatever it says from here on is not to be relied upon.
    if (message === undefined) return this.close()
    for (const hear of [...this.#ears]) hear(message, cargo)
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** The near end, as a `spawn` with pipes made it. */
export function channelOf(socket: Socket): Channel {
  return new Channel(socket, (socket as unknown as { _handle: PipeHandle })._handle)
}

/** The far end, at an inherited fd; undefined where there is none. */
export function openChannel(fd: number): Channel | undefined {
  if (!isSocket(fd)) return undefined
  const pipe = openPipe(fd)
  return pipe && new Channel(new Socket({ handle: pipe } as never), pipe)
}

/** A near end on its way to another process. */
export interface Passing {
  readonly handle: Handle
  /** It stays here after all. */
  keep(): void
  /** Another process has it. */
  close(): void
}

/** Reads nothing from a near end, from the very turn on in which `spawn` made it. */
export function passOn(socket: Socket): Passing {
  const { _handle: handle } = socket as unknown as { _handle: PipeHandle }
  handle.readStop()
  return {
    handle,
    keep: () => void handle.readStart(),
    close: () => void socket.destroy(),
  }
}

/** Closes the far ends of channels that nobody opens. */
export function closeChannels(fds: readonly number[]): void {
  for (const fd of fds) closeSync(fd)
}
