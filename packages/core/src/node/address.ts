import type { AddressInfo } from 'node:net'

/** What `server.address()` gives for a listener: an `AddressInfo`, or the path of a Unix socket. */
export type ListenAddress = AddressInfo | string

/** What Node asks the kernel for in one `listen()`: the words of `net.Server`'s `_listen2`. */
export interface Asked {
  /** A host's IP address, a path, or null for every address. */
  readonly address: string | null
  /** A port; -1 for a path. */
  readonly port: number | null
  readonly fd?: number | undefined
}

/** Whether a path and not a port was asked for. */
export function isPath(asked: Asked): asked is Asked & { address: string } {
  return asked.port === -1 && typeof asked.address === 'string'
}

/**
 * The name of a listener: what was asked for, never its position, so that a new release may add,
 * drop or reorder its ports. `tcp:*:8000`, `tcp:127.0.0.1:8000`, `unix:/run/app.sock`, `fd:3`.
 */
export function nameOf(asked: Asked): string {
  if (typeof asked.fd === 'number' && asked.fd >= 0) return `fd:${asked.fd}`
  if (isPath(asked)) return `unix:${asked.address.replace('\0', '@')}`
  return `tcp:${hostOf(asked.address)}:${asked.port ?? 0}`
}

/** The name under which a bound address would have been asked for. */
export function nameOfBound(address: ListenAddress): string {
  if (typeof address === 'string') return `unix:${address.replace('\0', '@')}`
  return `tcp:${hostOf(address.address)}:${address.port}`
}

function hostOf(address: string | null): string {
  if (address === null || address === '' || address === '::') return '*'
  return address.includes(':') ? `[${address}]` : address
}

/** An address for people: `127.0.0.1:8000`, `[::]:8000`, `/run/app.sock`. */
export function show(address: ListenAddress): string {
  if (typeof address === 'string') return address.replace('\0', '@')
  const host = address.address.includes(':') ? `[${address.address}]` : address.address
  return `${host}:${address.port}`
}
