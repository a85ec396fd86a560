/**
 * The file of the control socket. Who may ask is decided here, by the modes of the socket and of its
 * directory: Node cannot ask a Unix socket who is at its other end (`SO_PEERCRED`).
 */
import { once } from 'node:events'
import { chmodSync, linkSync, mkdirSync, mkdtempSync, renameSync, rmdirSync } from 'node:fs'
import type { Server } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { EndlessError, messageOf } from '../errors.js'
import {
  bindAt,
  fitsSocket,
  inodeAt,
  longestPath,
  lstatOf,
  occupantOf,
  removeSocket,
  statOf,
} from '../node/index.js'

/**
 * Lets a server listen at a path where nobody else may connect, not even for a moment.
 * @param path an absolute one
 * @returns the inode of the socket
 * @throws EndlessError `ERR_ENDLESS_CONTROL`
 */
export async function listenAt(server: Server, path: string): Promise<number> {
  checkLength(path)
  makeDirectory(dirname(path))
  // Bound in a directory that is 0700 whatever the umask is. To set the umask for the moment of the
  // binding would do it as well, but not in a worker thread, and it is that of all threads.
  const hidden = attempt(path, () => mkdtempSync(join(dirname(path), '.endless-')))
  // As unique as its directory: libuv unlinks this name when it closes, wherever that leads to by then.
  const temporary = join(hidden, basename(hidden))
  try {
    const listening = once(server, 'listening')
    bindAt(temporary, (at) => server.listen({ path: at, exclusive: true }))
    await listening
    chmodSync(temporary, 0o600)
    const inode = inodeAt(temporary) ?? -1
    await publish(temporary, path)
    return inode
  } catch (error) {
    server.close()
    throw error instanceof EndlessError ? error : failed(path, error)
  } finally {
    removeSocket(temporary)
    rmdirSync(hidden)
  }
}

/** @throws EndlessError `ERR_ENDLESS_CONTROL` for a path that no socket can have */
export function checkLength(path: string): void {
  if (fitsSocket(path)) return
  throw new EndlessError(
    'ERR_ENDLESS_CONTROL',
    `control socket ${path}: expected at most ${longestPath} bytes, got ${Buffer.byteLength(path)}: ` +
      'name a shorter path (--control)',
  )
}

/** Puts it in place, where nobody is, or over what a dead service left there. */
async function publish(temporary: string, path: string): Promise<void> {
  for (;;) {
    const occupant = await occupantOf(path)
    if (occupant === 'living')
      throw new EndlessError(
        'ERR_ENDLESS_CONTROL',
        `control socket ${path}: a service answers there already: stop that one (endless stop), or ` +
          'give this one a name (--name) or a path (--control) of its own',
      )
    if (occupant === 'no socket')
      throw new EndlessError(
        'ERR_ENDLESS_CONTROL',
        `control socket ${path}: expected nothing or a socket there, got something else: remove it, ` +
          'or name another path (--control)',
      )
    // Not where two come at once to a stale one: there the later rename wins, and no system call knows better.
    if (occupant === 'stale') return renameSync(temporary, path)
    try {
      // A link, which fails where somebody was quicker; a rename would take the path from a living service.
      return linkSync(temporary, path)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
  }
}

/** Makes the directory where it is missing. Whoever could write there could put a socket of his own in place of ours. */
function makeDirectory(directory: string): void {
  attempt(directory, () => mkdirSync(directory, { recursive: true, mode: 0o700 }))
  const ours = BigInt(process.geteuid?.() ?? 0)
  const link = lstatOf(directory)
  // A link of another user can lead elsewhere in a moment.
  const owners = link?.isSymbolicLink() && link.uid === 0n ? [] : [link?.uid]
  const found = statOf(directory)
  if ([...owners, found?.uid].some((one) => one !== ours))
    throw new EndlessError(
      'ERR_ENDLESS_CONTROL',
      `control socket: expected the directory ${directory} to be of this user (uid ${ours}), it is of ` +
        `uid ${owners.find((one) => one !== ours) ?? found?.uid}: name a path in a directory of your own (--control)`,
    )
  const mode = Number(found?.mode ?? 0n) & 0o777
  if (mode & 0o022)
    throw new EndlessError(
      'ERR_ENDLESS_CONTROL',
      `control socket: expected that only this user may write to the directory ${directory}, others may ` +
        `too (mode ${mode.toString(8)}): chmod go-w it, or name a path in a directory of your own (--control)`,
    )
}

function attempt<T>(path: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw failed(path, error)
  }
}

function failed(path: string, cause: unknown): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_CONTROL',
    `control socket ${path}: ${messageOf(cause)}; name a path where this user may write (--control)`,
    { cause },
  )
}
