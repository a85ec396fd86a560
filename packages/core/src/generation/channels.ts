import { channel } from 'node:diagnostics_channel'
import type { Drained } from '../handover/index.js'
import type { ListenAddress } from '../node/index.js'
import type { DrainReason } from './options.js'
import type { State } from './state.js'

/**
 * What is published on Node's `diagnostics_channel`, by channel name. Every message also carries
 * `pid` and `generation`.
 */
export interface ChannelMessages {
  /** Every transition of the state machine. */
  'endless:state': { from: State; to: State }
  /** A listener is bound (or taken over from the predecessor or from systemd). */
  'endless:listen': {
    name: string
    address: ListenAddress
    from: 'new' | 'predecessor' | 'systemd'
  }
  /** A signal arrived. */
  'endless:signal': { signal: NodeJS.Signals }
  /** An upgrade began, ended well (`pid` and `ms` of the successor), or failed. */
  'endless:upgrade':
    | { phase: 'start' }
    | { phase: 'ready'; successor: number; ms: number }
    | { phase: 'failed'; error: Error }
  /** A drain began, ended, or was taken back because the successor died on probation. */
  'endless:drain':
    | { phase: 'start'; reason: DrainReason; connections: number; requests: number }
    | ({ phase: 'end'; ms: number; told: number } & Drained)
    | { phase: 'cancelled' }
  /** The hammer fell: what it cut. */
  'endless:hammer': { requests: string[]; connections: number }
  /** The predecessor is gone: from here on another upgrade is possible. */
  'endless:predecessor': { predecessor: number }
  /** The last message of a process. */
  'endless:exit': { code: number }
}

/** Publishes without a cost where nobody subscribes. */
export function publish<Name extends keyof ChannelMessages>(
  name: Name,
  generation: number,
  message: ChannelMessages[Name],
): void {
  const target = channel(name)
  if (target.hasSubscribers) target.publish({ pid: process.pid, generation, ...message })
}
