import type { DrainReport, Exit, HandedListener, Said, SpawnPlan } from '../handover/index.js'

/** What a worker can ask for: for all of its fleet, or a replacement for itself, which is about to die. */
export type Wish = 'upgrade' | 'hammer' | 'shutdown' | 'renew'

/** A listener of which the supervisor has a duplicate: the next ones inherit that. */
export type HeldListener = Omit<HandedListener, 'fd'>

/** What a supervisor has to know of the options of an app. */
export interface Terms {
  readonly hammerTime: number | false
  readonly readyTimeout: number
  readonly probation: number
  readonly maxDraining: number
  readonly pidFile?: string
}

/** How a worker is. Memory in bytes, times in ms. */
export interface Beat {
  readonly rss: number
  /** How late its event loop was. */
  readonly delay: number
  readonly connections: number
  readonly inFlight: number
  /** Since its start. */
  readonly requests: number
}

/** What a worker tells its supervisor. */
export type ToSupervisor =
  /** With a duplicate of the listener as the message's handle. */
  | ({ readonly endless: 'holds' } & HeldListener)
  /** All that it listens on, by the names under which the supervisor has them. */
  | { readonly endless: 'listens'; readonly names: readonly string[] }
  | { readonly endless: 'serving'; readonly nonce: string; readonly terms: Terms }
  | ({ readonly endless: 'beat' } & Beat)
  /** Its successor is to be spawned: by whoever outlives both. */
  | {
      readonly endless: 'spawn'
      readonly id: number
      readonly plan: SpawnPlan
      readonly generation: number
      readonly lanes: number
    }
  /** For a successor of it. */
  | { readonly endless: 'signal'; readonly pid: number; readonly signal: NodeJS.Signals }
  /** Its successor is ready: it waits for `together`. */
  | { readonly endless: 'ready'; readonly id: number }
  /** Its successor serves. */
  | { readonly endless: 'upgraded'; readonly id: number; readonly pid: number }
  /** It has no successor, and serves on. */
  | {
      readonly endless: 'failed'
      readonly id: number
      readonly code: string
      readonly message: string
    }
  /** Its successor failed on probation: it serves again. */
  | { readonly endless: 'revived'; readonly message: string }
  /** Its successor has passed probation. */
  | { readonly endless: 'proved' }
  | { readonly endless: 'drains'; readonly report: DrainReport }
  /** A message of a channel, for the other slots. */
  | ({ readonly endless: 'said' } & Said)
  /** It says nothing more for its slot: the one of that pid does. */
  | { readonly endless: 'yields'; readonly to: number }
  /** Whoever spoke for its slot has died: it does. */
  | { readonly endless: 'claims' }
  /** Somebody wants it of this worker, which is to say of all. `again`: for the second time. */
  | {
      readonly endless: 'wish'
      readonly id: number
      readonly wish: Wish
      readonly again: boolean
    }

/** What a supervisor tells the worker that speaks for its slot. */
export type TalkOfSupervisor =
  /** A message of a channel, of another slot. */
  | ({ readonly endless: 'said' } & Said)
  /** The next one is told from here on. */
  | { readonly endless: 'yielded' }

/** What a supervisor tells a worker. */
export type ToWorker =
  /** Have a successor of this release. */
  | { readonly endless: 'upgrade'; readonly id: number; readonly plan: SpawnPlan }
  /** With an end of a pipe to another worker as the message's handle: what that says, what it hears, lanes. */
  | { readonly endless: 'pipe'; readonly id: number }
  /** You have more connections than others: give some of them to the one at the other end of the pipes. */
  | { readonly endless: 'give'; readonly id: number; readonly count: number; readonly to: number }
  /** Take what comes by the pipes. */
  | { readonly endless: 'take'; readonly id: number }
  | { readonly endless: 'spawned'; readonly id: number; readonly pid: number }
  | { readonly endless: 'notSpawned'; readonly id: number; readonly message: string }
  /** All of the fleet are ready: hand over. */
  | { readonly endless: 'together'; readonly id: number }
  /** Another one of the fleet is not: no successor. */
  | { readonly endless: 'apart'; readonly id: number; readonly why: string }
  | ({ readonly endless: 'exited'; readonly pid: number } & Exit)
  /** The successor is to go, and this one to serve again. */
  | { readonly endless: 'takeBack'; readonly why: string }
  | { readonly endless: 'stop' }
  | { readonly endless: 'hammer' }
  | TalkOfSupervisor
  | {
      readonly endless: 'granted'
      readonly id: number
      readonly refused?: { readonly code: string; readonly message: string }
    }
