/** What a service with a supervisor is asked, beside its status; on both sides of the socket. */
import { EndlessError } from '../errors.js'
import { fieldsOf } from './protocol.js'

/** How far a command is. A phase is a word or two: `spawned`, `ready`, `probation`, `rolled back`. */
export interface ProgressEvent {
  readonly phase: string
  readonly slot?: number | undefined
  readonly pid?: number | undefined
  readonly generation?: number | undefined
  /** What there is to say beside it. */
  readonly text?: string | undefined
}

/** Of `reload`, which is answered when the new release serves and has passed its probation. */
export interface ReloadArgs {
  /** Where an upgrade is under way: wait for its end, then begin. Without it: `ERR_ENDLESS_UPGRADE_IN_PROGRESS`. */
  readonly wait: boolean
}

/** The answer to any command where another process answers at the same path by now: connect anew, and ask there. */
export interface Moved {
  readonly moved: true
}

/** Whether it is to be asked again, of whoever answers by then. */
export function isMoved(value: unknown): value is Moved {
  return fieldsOf(value).moved === true
}

/** Of `scale`: how many workers there shall be, or how many more (fewer, if negative). */
export type ScaleArgs = { readonly to: number | 'max' } | { readonly by: number }

/** The answer to `scale`. */
export interface Scaled {
  readonly workers: number
}

/** The answer to `hammer`: the pids of the generations on which it fell. */
export interface Hammered {
  readonly pids: readonly number[]
}

/** Checks the answer to `scale`; throws `ERR_ENDLESS_CONTROL`. */
export function readScaled(value: unknown): Scaled {
  const { workers } = fieldsOf(value)
  return typeof workers === 'number' ? { workers } : unexpected('{ workers: number }', value)
}

/** Checks the answer to `hammer`; throws `ERR_ENDLESS_CONTROL`. */
export function readHammered(value: unknown): Hammered {
  const { pids } = fieldsOf(value)
  const isList = Array.isArray(pids) && pids.every((pid) => typeof pid === 'number')
  return isList ? { pids } : unexpected('{ pids: number[] }', value)
}

function unexpected(expected: string, value: unknown): never {
  throw new EndlessError(
    'ERR_ENDLESS_CONTROL',
    `expected ${expected}, got ${JSON.stringify(value)}: the service is of another release`,
  )
}

/** Reads an event of a command as far as it can be: what has no phase is none. */
export function readProgress(event: object): ProgressEvent | undefined {
  const { phase, slot, pid, generation, text } = fieldsOf(event)
  if (typeof phase !== 'string') return undefined
  return {
    phase,
    slot: typeof slot === 'number' ? slot : undefined,
    pid: typeof pid === 'number' ? pid : undefined,
    generation: typeof generation === 'number' ? generation : undefined,
    text: typeof text === 'string' ? text : undefined,
  }
}

/** What a handler throws for a command that it does not know. */
export function unknownCommand(command: string, known: readonly string[]): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_CONTROL',
    `expected one of the commands ${known.join(', ')}, got ${JSON.stringify(command.slice(0, 60))}`,
  )
}
