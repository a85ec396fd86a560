import type { Server } from 'node:net'
import type { ListenAddress } from '../node/index.js'
import type { Listener } from './listener.js'

/** The `beforeBegin` of one app, beside those of the process. */
export type Begin = (address: ListenAddress) => void | PromiseLike<void>

/** What the listeners need to know of the generation, and tell it. */
export interface ListenersOwner {
  /** Whether what listens now must accept nothing before `accept()`. */
  gated(): boolean
  /** Whether somebody waits between binding and accepting. */
  hasBegin(own: Begin | undefined): boolean
  begin(address: ListenAddress, own: Begin | undefined): Promise<void>
  listening(listener: Listener): void
  /** No `listen()` is under way any more: each has come to something, or to nothing. */
  settled(): void
  /** A `beforeBegin` threw. */
  beginFailed(server: Server, error: unknown): void
  /** The kernel refused; Node tells the app itself. */
  refused(server: Server, error: unknown): void
  /** Whether a supervisor has it under the name by which it came: others know it by that as well. */
  readonly isShared: boolean
  /** Whether it is this generation's, and not still that of a predecessor that serves. */
  owns(listener: Listener): boolean
  /** The app closed the server. */
  closed(listener: Listener): void
}
