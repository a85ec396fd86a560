/**
 * Pipes to a successor that carry handles. Node's IPC channel does, too, and a process reads one
 * handle from a channel per turn of its event loop: a turn of a busy process is long, so that one
 * channel would make connections wait for each other. Each lane carries one at a time.
 *
 * The Node internals of it stand here: `spawn` of a process handle, which gets the pipes that
 * `stdio` asks for; the third argument of `writeUtf8String`; `pendingHandle`; and the class of
 * Node's own channel. Node 20, 22, 24 and 26 have them, and where they differ it is said below.
 */
import { ChildProcess, spawn } from 'node:child_process'
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
  writeUtf8String(request: { handle?: Handle } | null, text: string, cargo?: Handle): unknown
  pendingHandle?: Handle | undefined
}

/** What Node makes of an entry of `stdio`. */
interface StdioEntry {
  handle?: PipeHandle
  readonly ipc?: unknown
}

interface ProcessHandle {
  close(): void
  spawn(...args: unknown[]): number
}

/** A libuv error, UV_EINVAL: Node then closes what it has made, and throws. */
const refuses = -22

/** What a process is spawned with, by a prototype that all of them share. */
function processPrototype(): ProcessHandle | undefined {
  const { _handle: handle } = new ChildProcess() as unknown as { _handle?: ProcessHandle }
  handle?.close()
  return typeof handle?.spawn === 'function' ? Object.getPrototypeOf(handle) : undefined
}

/** Stands between Node and libuv for the length of one `spawn`. */
function interceptSpawn<T>(
  take: (stdio: StdioEntry[] | undefined, proceed: () => number) => number,
  spawnOne: () => T,
): T {
  const prototype = processPrototype()
  if (!prototype) return spawnOne()
  const original = prototype.spawn
  prototype.spawn = function (this: ProcessHandle, ...args) {
    return take(stdioAmong(args), () => Reflect.apply(original, this, args) as number)
  }
  try {
    return spawnOne()
  } finally {
    prototype.spawn = original
  }
}

/** Node 20 and 22 pass one object with everything, later ones pass its parts. */
function stdioAmong(args: readonly unknown[]): StdioEntry[] | undefined {
  const [options] = args as [{ stdio?: unknown }]
  return [options?.stdio, ...args].find(
    (one): one is StdioEntry[] => Array.isArray(one) && channelAmong(one) !== undefined,
  )
}

function channelAmong(stdio: readonly StdioEntry[]): PipeHandle | undefined {
  return stdio.find((one) => one?.ipc !== undefined)?.handle
}

/** What this Node lacks for lanes, found out by a spawn that goes no further than to libuv. */
export function missingForLanes(): string[] {
  let found = false
  const refuse = (stdio: StdioEntry[] | undefined): number => {
    found = stdio?.length === 5 && typeof stdio[4]?.handle?.close === 'function'
    return refuses
  }
  try {
    const stdio = ['ignore', 'ignore', 'ignore', 'ipc', 'pipe'] as const
    interceptSpawn(refuse, () => spawn(process.execPath, { stdio: [...stdio] }))
  } catch {
    // As it should: refused.
  }
  return found ? [] : ['spawn of a process handle']
}

/**
 * Makes lanes of what a `spawn` asks for as `'pipe'`.
 * @param isLane whether it is one, by its position in `stdio`
 */
export function withLanes(
  isLane: (at: number) => boolean,
  spawnOne: () => ChildProcess,
): ChildProcess {
  return interceptSpawn((stdio = [], proceed) => {
    const Pipe = channelAmong(stdio)?.constructor
    for (const [at, one] of stdio.entries()) {
      if (!Pipe || !isLane(at)) continue
      one.handle?.close()
      one.handle = new Pipe(carriesHandles)
    }
    return proceed()
  }, spawnOne)
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
        const result = Reflect.apply(write, pipe, [request, data, cargo]) as unknown
        // Node (before 26) has put the cargo there, and would tell its owner that the write ended.
        if (request) request.handle = pipe
        return result
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
