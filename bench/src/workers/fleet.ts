import type { Upgradable } from '../contenders/upgradable.js'

/** What the workers run: a module of `services/workers`. */
export type App = 'http' | 'express' | 'echo'

/** Some workers, and the process over them. */
export interface Fleet extends Upgradable {
  /** The pid of the process over the workers, if there is one. */
  readonly head: number | undefined
  /** The pids of those that serve, and of those that are still about to go. */
  readonly workers: readonly number[]
}
