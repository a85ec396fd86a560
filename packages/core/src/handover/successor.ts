import type { EndlessError } from '../errors.js'
import type { Channel, Handle, Sent } from '../node/index.js'
import type { Exit } from './body.js'
import type { HandedElder, Handover } from './handover.js'
import type { Answer, DrainReport, Past, TicketKeys, Verdict, Word } from './messages.js'

/** The generation after this one: a child of ours, or what a supervisor spawned for us. */
export interface Successor {
  readonly pid: number
  /** Settles when it is ready and waits for `go`; rejects when it fails, exits or is stopped. */
  readonly ready: Promise<void>
  readonly exited: Promise<Exit>
  /** Whether it needs nobody who rises for it: it ends on purpose, or has a successor of its own. */
  readonly released: boolean
  /** Settles when it says so. */
  readonly release: Promise<void>
  /** Settles when it says that it ends on purpose. */
  readonly toldToStop: Promise<void>
  /** Settles when it says that nothing listens there any more. */
  readonly deaf: Promise<void>
  /** Whether it takes connections; known once it serves. */
  readonly adopts: boolean
  /** Duplicates of our listeners, by name, to rise again on: from here on the caller's. */
  takeDormant(): ReadonlyMap<string, Handle>
  /** Commits the handover; settles when it serves, rejects when it died over it. */
  go(ticketKeys: TicketKeys): Promise<void>
  /**
   * Stops it in order, then by force; settles when it is reaped.
   * @param patience how long it may take once it was told `go` and may have requests, in ms
   */
  stop(why: EndlessError, patience: number): Promise<void>
  closeDormant(): void
  /** Tells it that it has passed its probation. */
  trust(): void
  /** Says who holds our drain, to the newest generation there is. */
  report(drain: DrainReport): void
  /** What connections go by. */
  readonly lanes: readonly Channel[]
  tell(verdict: Verdict, sent: Sent): void
  /** Hears what it has answered so far, within a turn of the event loop. */
  poll(): void
  /** @returns stops hearing */
  onAnswer(hear: (answer: Answer) => void): () => void
  /** In order with the verdicts. */
  say(word: Word, sent?: () => void): void
  onWord(hear: (word: Word) => void): void
}

/** What goes to a successor beside the facts: each listener and file with its fd here. */
export interface Parcel {
  readonly generation: number
  readonly listeners: readonly Handover['listeners'][number][]
  readonly files: Handover['files']
  readonly elders: readonly HandedElder[]
  /** How many lanes it gets for connections. */
  readonly lanes: number
  readonly past: Past
}
