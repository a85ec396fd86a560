import type { Drained } from './drained.js'

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
  /** Its own successor serves: it need not be watched any more, and nobody rises for it. */
  | { readonly endless: 'handedOver' }
  /** The app has closed every listener: nobody serves here. */
  | { readonly endless: 'deaf' }
  | Word

/** What a generation that drains says of it to the newest one. */
export interface DrainReport {
  readonly connections: number
  /** `GET /events, 61.2 s old`, oldest first, and connections that are at no request. */
  readonly holds: readonly string[]
  /** Since the drain began, in ms. */
  readonly age: number
  /** Until the hammer falls, in ms. */
  readonly hammerIn: number | false
  /** Of connections, so far; older versions do not say. */
  readonly counts?: Drained
}

/** What became of upgrades, and of connections at their drains, in all generations before this one. */
export interface Past extends Drained {
  readonly failed: number
}

/**
 * TLS ticket keys by the name of the listener, in base64: with them a client resumes its session on
 * the successor. They go over the channel, because an environment can be read long afterwards.
 */
export type TicketKeys = Readonly<Record<string, string>>

/** What a predecessor tells its successor. */
export type ToSuccessor =
  /** From here on you serve. */
  | { readonly endless: 'go'; readonly ticketKeys: TicketKeys }
  /** You have passed your probation. */
  | { readonly endless: 'proved' }
  | Verdict
  | Word

/** A message of a channel of the app. */
export interface Said {
  readonly channel: string
  /** JSON. */
  readonly text: string
  /** Which process has published it, and how many it had by then. */
  readonly by: string
  readonly n: number
}

/** What generations say to each other of channels, both ways. */
export type Word =
  | ({ readonly endless: 'said' } & Said)
  /** So many of your messages were handled, of all there were. */
  | { readonly endless: 'heard'; readonly count: number }
  /** From here on you speak to the supervisor for our slot; so many of your messages were passed on. */
  | { readonly endless: 'speak'; readonly heard: number }
  /** All that the supervisor has told me was passed on: what comes now, it tells you. */
  | { readonly endless: 'listen' }
  /** I serve again: I speak, and listen. */
  | { readonly endless: 'want' }

/**
 * What goes with an established connection, in a lane. Whose it is, is decided in one place: the
 * predecessor offers it and goes on serving it; the successor holds it untouched and says `taken`; the
 * predecessor stops reading and says `yours`, when it is between two requests, and lets go of it; or it says
 * `keep`. So there is no moment at which both would read, whoever dies or hangs, and none at which nobody
 * does but that of one word.
 */
export interface Offer {
  readonly id: number
  /** The name of the listener that it came by. */
  readonly listener: string
  /** Of a protocol of the app's own, which says what it has to know of it. */
  readonly carried?: true
  /** It is one of HTTP, or was before: its request is replayed. */
  readonly replayed?: true
}

/** What is to be known of a connection at the moment in which it changes hands. */
export interface Fact {
  /** How many requests were answered on it. */
  readonly requests: number
  /** How long it may stay idle, in ms; for ever where that is left out. */
  readonly rest?: number
  /** What the app knows of it, as JSON. */
  readonly state?: string
  /** What a package on top of us knows of it, as JSON. */
  readonly baggage?: string
  /** The head of the request by which it was upgraded, or which is being answered, byte by byte. */
  readonly head?: string
  /** Where one is being answered: what its client has of the head of the answer; empty where that is nothing. */
  readonly answer?: string
}

/** Whose connections are that were offered. */
export type Verdict =
  /** One fact for each. */
  | {
      readonly endless: 'yours'
      readonly ids: readonly number[]
      readonly facts: readonly Fact[]
      /** How many messages of channels, of those that the successor has said, were handled before. */
      readonly heard?: number
    }
  | { readonly endless: 'keep'; readonly ids: readonly number[] }

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
