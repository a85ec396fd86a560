import { readFileSync, readlinkSync } from 'node:fs'
import { boundAddress, type Handle, type ListenAddress, openFd } from '../node/index.js'

/** SD_LISTEN_FDS_START: the first fd that systemd passes. */
const firstFd = 3

/** A socket that systemd passed: a stream socket with its address, or another file by name. */
export type Activated =
  | { readonly fd: number; readonly alias: string; readonly handle: Handle; bound: ListenAddress }
  | { readonly fd: number; readonly alias: string; readonly handle?: never }

/**
 * Reads systemd's socket activation (sd_listen_fds(3): `LISTEN_FDS`, `LISTEN_PID`,
 * `LISTEN_FDNAMES`) and takes it out of the environment, so that no child takes it for its own.
 */
export function takeActivated(env: NodeJS.ProcessEnv = process.env): Activated[] {
  const { LISTEN_PID: pid, LISTEN_FDS: fds, LISTEN_FDNAMES: fdNames } = env
  delete env.LISTEN_PID
  delete env.LISTEN_FDS
  delete env.LISTEN_FDNAMES
  // Meant for another process that passed its environment on.
  if (fds === undefined || Number(pid) !== process.pid) return []
  const names = fdNames?.split(':') ?? []
  return Array.from({ length: Number(fds) || 0 }, (_, n) =>
    open(firstFd + n, names[n] || 'unknown'),
  )
}

function open(fd: number, alias: string): Activated {
  const handle = openFd(fd)
  if (typeof handle === 'number') return { fd, alias }
  const bound = boundAddress(handle) ?? pathOf(fd)
  return bound === undefined ? { fd, alias } : { fd, alias, handle, bound }
}

/** The path of a bound Unix socket. Node does not tell it of an fd, /proc does. */
function pathOf(fd: number): string | undefined {
  try {
    const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1]
    // Num RefCount Protocol Flags Type St Inode Path
    for (const line of readFileSync('/proc/net/unix', 'utf8').split('\n')) {
      const fields = line.trim().split(/\s+/)
      if (fields[6] === inode && fields[7]) return fields[7].replace(/^@/, '\0')
    }
  } catch {
    // No /proc: there is no systemd either.
  }
  return undefined
}
