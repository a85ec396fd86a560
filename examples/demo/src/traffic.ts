import type { Failure } from '@endlessjs/test/client'
import type { Answers } from './answers.js'

/** How requests fail; the words of the strict client. */
export type Failures = Readonly<Record<Failure, number>>

export const kinds: readonly Failure[] = ['refused', 'reset', 'cut', 'status', 'timeout', 'wrong']

/** The connections of clients that keep theirs for as long as the service lets them. */
export interface Kept {
  /** Each has one connection at a time. */
  readonly clients: number
  /** How many they have opened: as many as they are, unless one was forced to reconnect. */
  readonly opened: number
  /** How many of those were not a client's first. */
  readonly reconnects: number
}

/** A load on the service that goes on until it is stopped. */
export interface Traffic {
  readonly name: string
  /** Answers of one release before the demo goes on: enough that none of it is chance. */
  readonly enough: number
  readonly answers: Answers
  readonly failures: Failures
  /** The first failures, one line each. */
  readonly samples: readonly string[]
  /** Undefined where each request has a connection of its own. */
  readonly kept?: Kept
  /** Starts no further request; settles when those under way have ended. */
  stop(): Promise<void>
}

export function noFailures(): Record<Failure, number> {
  return { refused: 0, reset: 0, cut: 0, status: 0, timeout: 0, wrong: 0 }
}

export function totalOf(failures: Failures): number {
  return kinds.reduce((sum, kind) => sum + failures[kind], 0)
}
