import { EndlessError } from '../errors.js'
import type { ListenAddress } from '../node/index.js'
import type { DrainReport, Past } from './messages.js'

/** The environment variable that makes a process a successor. */
export const handoverVariable = 'ENDLESS_HANDOVER'

/**
 * Where a successor finds its channels, behind stdio: what it says goes by one, what it hears comes by the
 * other. A write that fails closes a pipe, and what was not read from it is lost: a `keep` that came before
 * the death of whoever sent it must be heard.
 */
export const saysFd = 3
export const hearsFd = 4

/** Raised when a successor of this version could not work with a predecessor of an older one. */
const version = 1

/** A listener on its way to the successor. */
export interface HandedListener {
  readonly name: string
  /** The fd in the successor. */
  readonly fd: number
  readonly bound: ListenAddress
  /** Where systemd made it: such a socket is never unlinked. */
  readonly activated: boolean
  /** systemd's `FileDescriptorName`. */
  readonly alias?: string
  /** The inode of a Unix socket that this service made: unlinked only while it is still that one. */
  readonly inode?: number
}

/** A generation before the successor, on its way there: see `Elders`. */
export interface HandedElder {
  readonly pid: number
  readonly generation: number
  /** The fd of what it reports by, in the successor. */
  readonly fd: number
  /** What it said last. */
  readonly report?: DrainReport
}

/** The way to a supervisor, where there is one. */
export interface HandedLink {
  /** The fd of the channel, in the worker. */
  readonly fd: number
  /** The supervisor's pid. */
  readonly pid: number
  /** Which of the places of the fleet this process serves in, from 0. */
  readonly slot: number
  /** What it proves with who it is. */
  readonly nonce: string
}

/** What a successor gets from its predecessor. */
export interface Handover {
  readonly generation: number
  readonly predecessor: number
  readonly listeners: readonly HandedListener[]
  readonly files: readonly { readonly name: string; readonly fd: number }[]
  /** Those that may drain still, the predecessor among them. */
  readonly elders?: readonly HandedElder[]
  /** The fds of the lanes, in the successor. */
  readonly lanes?: readonly number[]
  readonly link?: HandedLink
  /** Older versions have none. */
  readonly past?: Past
}

/** As the value of {@link handoverVariable}. */
export function encodeHandover(handover: Handover): string {
  return JSON.stringify({ version, ...handover })
}

/** Reads the value of {@link handoverVariable}; throws `ERR_ENDLESS_HANDOVER` on a strange one. */
export function decodeHandover(text: string): Handover {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw unreadable('it is not JSON', cause)
  }
  // The version first: what another one has for parts is not ours to say.
  const found = versionOf(parsed)
  if (found !== undefined && found !== version)
    throw unreadable(`expected version ${version}, received ${String(found)}`)
  if (!isHandover(parsed)) throw unreadable('parts are missing')
  const { version: _, ...handover } = parsed
  return handover
}

function versionOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'version' in value
    ? value.version
    : undefined
}

function isHandover(value: unknown): value is Handover & { version: number } {
  if (typeof value !== 'object' || value === null || versionOf(value) !== version) return false
  const { generation, predecessor, listeners, files } = value as Partial<Handover>
  const numbers = Number.isInteger(generation) && Number.isInteger(predecessor)
  return numbers && Array.isArray(listeners) && Array.isArray(files)
}

function unreadable(why: string, cause?: unknown): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_HANDOVER',
    `cannot read ${handoverVariable}, which the predecessor set: ${why}; ` +
      'if @endlessjs/core changed its major version, restart the service once',
    { cause },
  )
}
