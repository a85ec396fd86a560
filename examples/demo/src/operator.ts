import type { Version } from './releases.js'

/** A deploy that went well. */
export interface Deploy {
  readonly version: Version
  /** From the signal, or the command, until the new release serves, in ms. */
  readonly ready: number
  /** From there until the old processes are gone, in ms. */
  readonly gone: number
  /** How many they still had to answer then. */
  readonly requests: number
  /** Of the old processes; the first that is not 0. */
  readonly exitCode: number
  /** How that is said. */
  readonly outcome: string
}

/** A deploy that was rolled back. */
export interface Rollback {
  readonly version: Version
  /** From the signal, or the command, until it was called off, in ms. */
  readonly after: number
  /** The line of the successor's stderr that tells what was wrong. */
  readonly reason: string
  /** Whether the same processes serve as before. */
  readonly isAsBefore: boolean
}

/** Whoever deploys, and how: by a signal, or by `endless reload`. What `current` leads to is set before. */
export interface Operator {
  /** Who serves: `pid 17`. */
  readonly serving: string
  /** @param served told when the new release serves */
  deploy(version: Version, served: () => void): Promise<Deploy>
  /** A deploy that has to fail. */
  rollBack(version: Version): Promise<Rollback>
  /** Ends the service. @returns its exit code */
  stop(): Promise<number>
}
