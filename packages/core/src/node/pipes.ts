/**
 * Pipes that carry handles, as `spawn` makes them for a child and as that child opens them. Node makes
 * such a pipe only for its own IPC channel (`stdio: 'ipc'`), which the app would see: `process.send`,
 * `'message'`, `'disconnect'`.
 *
 * The Node internals of it stand here: `spawn` of a process handle, which gets the pipes that `stdio`
 * asks for, and their class. Node 20, 22, 24 and 26 have them, and where they differ it is said below.
 */
import { ChildProcess, spawn } from 'node:child_process'
import type { Handle } from './handle.js'

/** `PipeConstants.IPC`: a pipe that can carry handles. */
const carriesHandles = 2

export interface PipeHandle extends Handle {
  readonly constructor: new (type: number) => PipeHandle
  open(fd: number): number
  readStart(): number
  readStop(): number
  writeUtf8String(request: { handle?: Handle } | null, text: string, cargo?: Handle): unknown
  pendingHandle?: Handle | undefined
}

/** What Node makes of an entry of `stdio`. */
interface StdioEntry {
  handle?: PipeHandle
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
    (one): one is StdioEntry[] => Array.isArray(one) && pipeAmong(one) !== undefined,
  )
}

function pipeAmong(stdio: readonly StdioEntry[]): PipeHandle | undefined {
  return stdio.find((one) => isPipe(one?.handle))?.handle
}

function isPipe(handle: unknown): boolean {
  const { open, writeUtf8String } = Object(handle) as Partial<PipeHandle>
  return typeof open === 'function' && typeof writeUtf8String === 'function'
}

let found: PipeHandle['constructor'] | undefined

/** The class of a pipe, found out by a spawn that goes no further than to libuv. */
function pipeClass(): PipeHandle['constructor'] | undefined {
  const refuse = (stdio: StdioEntry[] = []): number => {
    found = pipeAmong(stdio)?.constructor
    return refuses
  }
  try {
    if (!found)
      interceptSpawn(refuse, () => spawn(process.execPath, { stdio: ['pipe', 'ignore', 'ignore'] }))
  } catch {
    // As it should: refused.
  }
  return found
}

/** What this Node lacks for pipes that carry handles. */
export function missingForPipes(): string[] {
  return pipeClass() ? [] : ['spawn of a process handle']
}

/**
 * Makes pipes that carry handles of what a `spawn` asks for as `'pipe'`.
 * @param isOne whether it is one, by its position in `stdio`
 */
export function withPipes(
  isOne: (at: number) => boolean,
  spawnOne: () => ChildProcess,
): ChildProcess {
  return interceptSpawn((stdio = [], proceed) => {
    const Pipe = pipeAmong(stdio)?.constructor
    for (const [at, one] of stdio.entries()) {
      if (!Pipe || !isOne(at)) continue
      one.handle?.close()
      one.handle = new Pipe(carriesHandles)
    }
    return proceed()
  }, spawnOne)
}

/** The far end of a pipe that was inherited; undefined where there is none at this fd. */
export function openPipe(fd: number): PipeHandle | undefined {
  const Pipe = pipeClass()
  const pipe = Pipe && new Pipe(carriesHandles)
  return pipe?.open(fd) === 0 ? pipe : undefined
}
