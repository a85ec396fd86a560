import { EndlessError } from '../errors.js'
import type { ListenAddress } from '../node/address.js'

/** The environment variable that makes a process a successor. */
export const handoverVariable = 'ENDLESS_HANDOVER'

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

/** What a successor gets from its predecessor. */
export interface Handover {
  readonly generation: number
  readonly predecessor: number
  readonly listeners: readonly HandedListener[]
  readonly files: readonly { readonly name: string; readonly fd: number }[]
  /** The fds of the lanes, in the successor. */
  readonly lanes?: readonly number[]
}

/** What a successor tells its predecessor. */
export type ToPredecessor =
  | { readonly endless: 'stderr'; readonly text: string }
  | { readonly endless: 'failed'; readonly message: string }
  /** With a duplicate of the listener as the message's handle. */
  | { readonly endless: 'listener'; readonly name: string }
  /** All listeners taken over, `beforeReady` done, nothing accepted yet. */
  | { readonly endless: 'ready' }
  /** The gates are open: the predecessor may stop accepting, and send connections where it may. */
  | { readonly endless: 'serving'; readonly adopts?: boolean }
  | Answer
  /** Stopped on purpose: nobody rises again. */
  | { readonly endless: 'stopping' }

/**
 * TLS ticket keys by the name of the listener, in base64: with them a client resumes its session on
 * the successor. They go over the channel, because an environment can be read long afterwards.
 */
export type TicketKeys = Readonly<Record<string, string>>

/** What a predecessor tells its successor. */
export type ToSuccessor =
  /** From here on you serve. */
  { readonly endless: 'go'; readonly ticketKeys: TicketKeys } | Verdict

/**
 * What goes with an established connection, in a lane. Whose it is, is decided in one place: the
 * predecessor offers it and reads no more of it; the successor holds it untouched and says `taken`;
 * the predecessor says `yours` and lets go of it, or `keep` and reads on. So there is no moment at
 * which both would read, whoever dies or hangs.
 */
export interface Offer {
  readonly id: number
  /** The name of the listener that it came by. */
  readonly listener: string
  /** How many requests were answered on it. */
  readonly requests: number
  /** How long it may stay idle, in ms; for ever where that is left out. */
  readonly rest?: number
}

/** Whose connections are that were offered. */
export interface Verdict {
  readonly endless: 'yours' | 'keep'
  readonly ids: readonly number[]
}

/**
 * Why a successor does not take a connection: nothing of it fits the listener; it has as many as
 * it may have; it ends itself; or the kernel had no fd for it.
 */
export type Refusal = 'listener' | 'full' | 'stopping' | 'lost'

/** What a successor says to offers. */
export type Answer =
  | { readonly endless: 'taken'; readonly ids: readonly number[] }
  | { readonly endless: 'refused'; readonly ids: readonly number[]; readonly why: Refusal }
  /** It has seen that they were taken back, and their lanes are empty. */
  | { readonly endless: 'kept'; readonly ids: readonly number[] }

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

/** Whether an IPC message is one of ours and not the app's own. */
export function isOurs(message: unknown): message is { endless: string } {
  return (
    typeof message === 'object' &&
    message !== null &&
    'endless' in message &&
    typeof message.endless === 'string'
  )
}
