/**
 * Pipes to a successor that carry handles. Node's IPC channel does, too, and a process reads one
 * handle from a channel per turn of its event loop: a turn of a busy process is long, so that one
 * channel would make connections wait for each other. Each lane carries one at a time.
 *
 * The Node internals of it stand here: `spawn` of a process handle, which gets the pipes that
 * `stdio` asks for; the third argument of `writeUtf8String`; `pendingHandle`; and the class of
 * Node's own channel. They are the same in Node 20, 22, 24 and 26.
 */
import { ChildProcess } from 'node:child_process'
import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Handle } from './handle.js'

/**
 * How many connections can be on their way at once: so many that a successor with long turns gets
 * its fill in each, so few that those of one turn are taken in within two milliseconds.
 */
export const laneCount = 32

/** `PipeConstants.IPC`: a pipe that can carry handles. */
const carriesHandles = 2

interface PipeHandle extends Handle {
  readonly constructor: new (type: number) => PipeHandle
  open(fd: number): number
  writeUtf8String(request: { handle?: Handle }, text: string, cargo?: Handle): number
  pendingHandle?: Handle | undefined
}

interface ProcessHandle {
  close(): void
  spawn(options: { stdio: { handle?: PipeHandle; ipc?: boolean }[] }): number
}

/** What a process is spawned with, by a prototype that all of them share. */
function processPrototype(): ProcessHandle | undefined {
  const { _handle: handle } = new ChildProcess() as unknown as { _handle?: ProcessHandle }
  handle?.close()
  const prototype: unknown = handle && Object.getPrototypeOf(handle)
  return typeof handle?.spawn === 'function' ? (prototype as ProcessHandle) : undefined
}

/** What this Node lacks for lanes. */
export function missingForLanes(): string[] {
  return processPrototype() ? [] : ['spawn of a process handle']
}

/**
 * Makes lanes of what a `spawn` asks for as `'pipe'`.
 * @param isLane whether it is one, by its position in `stdio`
 */
export function withLanes(
  isLane: (at: number) => boolean,
  spawn: () => ChildProcess,
): ChildProcess {
  const prototype = processPrototype()
  if (!prototype) return spawn()
  const original = prototype.spawn
  prototype.spawn = function (this: ProcessHandle, options) {
    const Pipe = options.stdio.find((one) => one.ipc)?.handle?.constructor
    for (const [at, one] of options.stdio.entries()) {
      if (!Pipe || !isLane(at)) continue
      one.handle?.close()
      one.handle = new Pipe(carriesHandles)
    }
    return Reflect.apply(original, this, [options])
  }
  try {
    return spawn()
  } finally {
    prototype.spawn = original
  }
}

/** A lane to a successor. */
export interface Lane {
  /** @param sent called when the kernel has it, or with the reason why not */
  send(text: string, cargo: Handle, sent: (error?: Error | null) => void): void
  close(): void
}

/** The near end of a lane, as `spawn` made it. */
export function laneOf(socket: Socket): Lane {
  const { _handle: pipe } = socket as unknown as { _handle: PipeHandle }
  // What keeps us alive is the drain. An error is told to whoever sends; else it is the far end's.
  socket.unref()
  socket.on('error', () => {})
  return {
    send: (text, cargo, sent) => {
      const write = Object.getPrototypeOf(pipe).writeUtf8String as PipeHandle['writeUtf8String']
      pipe.writeUtf8String = (request, data) => {
        const errno = Reflect.apply(write, pipe, [request, data, cargo]) as number
        // Node has put the cargo there, and would tell its owner that the write has ended.
        request.handle = pipe
        return errno
      }
      socket.write(text, 'utf8', sent)
    },
    close: () => void socket.destroy(),
  }
}

/**
 * The far ends of the lanes.
 * @param came called with what was sent; without the handle where the kernel had no fd for it
 * @returns closes them; undefined where they cannot be read
 */
export function openLanes(
  fds: readonly number[],
  came: (text: string, cargo: Handle | undefined) => void,
): (() => void) | undefined {
  const Pipe = channelClass()
  const sockets: Socket[] = []
  for (const fd of fds) {
    const pipe = Pipe && new Pipe(carriesHandles)
    if (pipe?.open(fd) !== 0) return undefined
    const socket = new Socket({ handle: pipe } as never)
    sockets.push(socket)
    socket.setEncoding('utf8').on('error', () => {})
    socket.unref()
    // A lane has one message at a time, so that what is read is one message, and its handle.
    socket.on('data', (text: string) => {
      const cargo = pipe.pendingHandle
      pipe.pendingHandle = undefined
      came(text, cargo)
    })
  }
  return () => {
    for (const socket of sockets) socket.destroy()
  }
}

/** Closes lanes that nobody opens. */
export function closeLanes(fds: readonly number[]): void {
  for (const fd of fds) closeSync(fd)
}

function channelClass(): PipeHandle['constructor'] | undefined {
  const symbol = Object.getOwnPropertySymbols(process).find(
    ({ description }) => description === 'kChannelHandle',
  )
  const channel = symbol && (Reflect.get(process, symbol) as PipeHandle | null)
  return channel?.constructor
}
