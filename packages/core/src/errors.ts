/**
 * What an {@link EndlessError} is about. Codes are stable: match on them, never on messages.
 *
 * | code | meaning |
 * |---|---|
 * | `ERR_ENDLESS_OPTION` | an option has a bad value; thrown at once |
 * | `ERR_ENDLESS_OPTION_CONFLICT` | two calls set one process-wide option to different values |
 * | `ERR_ENDLESS_LISTENING` | a server was attached when it listened already |
 * | `ERR_ENDLESS_NOT_READY` | an upgrade was asked for before this generation is ready |
 * | `ERR_ENDLESS_UPGRADE_IN_PROGRESS` | an upgrade is already under way |
 * | `ERR_ENDLESS_TOO_MANY_DRAINING` | as many older generations drain as `maxDraining` allows |
 * | `ERR_ENDLESS_DRAINING` | this generation drains or has exited |
 * | `ERR_ENDLESS_NOT_DRAINING` | the hammer was asked for while nothing drains |
 * | `ERR_ENDLESS_STOPPED` | a shutdown overtook what was under way |
 * | `ERR_ENDLESS_UNSUPPORTED` | no upgrade is possible here (Windows, a worker, pid 1, a launcher that waits) |
 * | `ERR_ENDLESS_SIGNAL_SHARED` | others handle the signal that is to upgrade |
 * | `ERR_ENDLESS_SPAWN` | the successor could not be spawned |
 * | `ERR_ENDLESS_SUCCESSOR_EXITED` | the successor exited before it was ready |
 * | `ERR_ENDLESS_SUCCESSOR_FAILED` | the successor reported why it could not start |
 * | `ERR_ENDLESS_READY_TIMEOUT` | the successor was not ready within `readyTimeout` |
 * | `ERR_ENDLESS_HOOK` | a hook threw; `cause` is what it threw |
 * | `ERR_ENDLESS_HANDOVER` | what the predecessor handed over cannot be read |
 * | `ERR_ENDLESS_PIDFILE` | the pid file cannot be written |
 * | `ERR_ENDLESS_PROBATION` | the successor served, and failed on probation: the one before serves again |
 * | `ERR_ENDLESS_CONTROL` | a control socket cannot be made or used, or what came over it makes no sense |
 * | `ERR_ENDLESS_NO_SERVICE` | no service answers at the path of a control socket |
 * | `ERR_ENDLESS_CARRY` | the state of a connection cannot go with it; only logged: it stays and drains |
 * | `ERR_ENDLESS_NODE` | this Node lacks an internal that is needed |
 */
export type ErrorCode =
  | 'ERR_ENDLESS_OPTION'
  | 'ERR_ENDLESS_OPTION_CONFLICT'
  | 'ERR_ENDLESS_LISTENING'
  | 'ERR_ENDLESS_NOT_READY'
  | 'ERR_ENDLESS_UPGRADE_IN_PROGRESS'
  | 'ERR_ENDLESS_TOO_MANY_DRAINING'
  | 'ERR_ENDLESS_DRAINING'
  | 'ERR_ENDLESS_NOT_DRAINING'
  | 'ERR_ENDLESS_STOPPED'
  | 'ERR_ENDLESS_UNSUPPORTED'
  | 'ERR_ENDLESS_SIGNAL_SHARED'
  | 'ERR_ENDLESS_SPAWN'
  | 'ERR_ENDLESS_SUCCESSOR_EXITED'
  | 'ERR_ENDLESS_SUCCESSOR_FAILED'
  | 'ERR_ENDLESS_READY_TIMEOUT'
  | 'ERR_ENDLESS_HOOK'
  | 'ERR_ENDLESS_HANDOVER'
  | 'ERR_ENDLESS_CARRY'
  | 'ERR_ENDLESS_PIDFILE'
  | 'ERR_ENDLESS_PROBATION'
  | 'ERR_ENDLESS_CONTROL'
  | 'ERR_ENDLESS_NO_SERVICE'
  | 'ERR_ENDLESS_NODE'

/** Whether it has the form of a code of ours: another release may have more of them than this one knows. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && /^ERR_ENDLESS_[A-Z_]+$/.test(value)
}

/** Kept by name: an app may have this package twice, and each copy has a class of its own. */
const brand = Symbol.for('@endlessjs/core:error')

/**
 * Every error of this project: a stable {@link ErrorCode}, and the `cause` where there is one. With
 * two copies of this package in a process, each knows the errors of the other by `instanceof`.
 */
export class EndlessError extends Error {
  /** Whether an error is one of ours, whichever copy of this package made it. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // What an app derives from it goes by its own prototype, as ever.
    // biome-ignore lint/complexity/noThisInStatic: it is the class that is asked, a derived one too.
    if (this !== EndlessError) return Function.prototype[Symbol.hasInstance].call(this, value)
    return typeof value === 'object' && value !== null && brand in value
  }

  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = 'EndlessError'
    this.code = code
    Object.defineProperty(this, brand, { value: true })
  }
}

/** The text of anything that can be thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
