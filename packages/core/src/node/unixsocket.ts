/** The file of a Unix socket: where it is bound, how it comes to its path, who stands there already. */
import { closeSync, openSync, renameSync, unlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { inodeAt, lstatOf } from './stat.js'

/** What the kernel's sun_path holds, in bytes. */
export const longestPath: number = process.platform === 'linux' ? 107 : 103

/** Whether a path names a file at all: not an abstract socket, not a Windows pipe. */
export function isSocketFile(path: string): boolean {
  return process.platform !== 'win32' && !path.startsWith('\0')
}

/**
 * Where a socket is bound before it is renamed over `path`. libuv unlinks what it *bound* when it
 * closes, so a predecessor that bound `path` itself would take the path from its successor.
 */
export function temporaryPath(path: string): string | undefined {
  // No client could come there: Node says so, or cuts it off, as it does without us.
  if (!fitsSocket(path)) return undefined
  const beside = `${path}.${process.pid}`
  return fitsSocket(beside) ? beside : join(dirname(path), `.${process.pid}`)
}

/**
 * Binds at a path of any length in a directory whose name alone may fill sun_path: on Linux by way
 * of the open directory.
 * @param bind gets the path to bind, and gives a handle or an errno
 */
export function bindAt<T>(path: string, bind: (path: string) => T): T {
  if (fitsSocket(path) || process.platform !== 'linux') return bind(path)
  let directory: number
  try {
    directory = openSync(dirname(path), 'r')
  } catch {
    // No such directory: Node says so, in its own words.
    return bind(path)
  }
  try {
    return bind(`/proc/self/fd/${directory}/${basename(path)}`)
  } finally {
    closeSync(directory)
  }
}

/** Whether the kernel takes a path of this length: Node cuts off what is too long for it, or says EINVAL. */
export function fitsSocket(path: string): boolean {
  return Buffer.byteLength(path) <= longestPath
}

/** What stands at the path of a socket that is to be made. */
export type Occupant = 'nobody' | 'stale' | 'living' | 'no socket'

/** Asks by connecting: the only answer that holds across containers and namespaces. */
export async function occupantOf(path: string): Promise<Occupant> {
  const found = lstatOf(path)
  if (!found) return 'nobody'
  if (!found.isSocket()) return 'no socket'
  return new Promise((resolve) => {
    const socket = connect(path)
    const answer = (occupant: Occupant): void => {
      socket.destroy()
      resolve(occupant)
    }
    socket.once('connect', () => answer('living'))
    // EACCES, EAGAIN (a full backlog) and the like: somebody lives there.
    socket.once('error', (error: NodeJS.ErrnoException) =>
      answer(error.code === 'ECONNREFUSED' || error.code === 'ENOENT' ? 'stale' : 'living'),
    )
  })
}

/** Puts the bound socket in place, over a stale one too. @returns its inode; undefined where it is gone already */
export function publishSocket(temporary: string, path: string): number | undefined {
  renameSync(temporary, path)
  return inodeAt(path)
}

/** Unlinks a socket, unless another one stands there by now. */
export function unlinkSocket(path: string, inode: number): void {
  if (inodeAt(path) === inode) removeSocket(path)
}

/** Removes a socket, where there is one. `rmSync` would look at it first, and leave the trace that `stat` is about. */
export function removeSocket(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
}
