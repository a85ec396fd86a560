import type { Status, Upgrader } from '../api.js'
import { currentUpgrader } from './singleton.js'

/** Options of an adapter's `health()`. */
export interface HealthOptions {
  /**
   * Where it answers `GET` and `HEAD`.
   * @default '/health'
   */
  readonly path?: string | undefined
  /** @default the process's one */
  readonly upgrader?: Upgrader | undefined
}

/** `live`: not ready yet; `ready`: serves; `draining`: on its way out. */
export type HealthState = 'live' | 'ready' | 'draining'

/** An answer for a load balancer. */
export interface Health {
  /** 503 from a final stop on, never during an upgrade: there the service goes on. */
  readonly code: 200 | 503
  readonly body: { readonly health: HealthState } & Partial<Status>
}

/** How this process is. Where nothing was installed (under test) it is live, and that is all. */
export function healthOf(upgrader: Upgrader | undefined = currentUpgrader()): Health {
  const status = upgrader?.status()
  return { code: isStopping(status) ? 503 : 200, body: { health: stateOf(status), ...status } }
}

/** Whether a request is one for the health of this process. */
export function asksForHealth(options: HealthOptions, method: string, path: string): boolean {
  return path === (options.path ?? '/health') && (method === 'GET' || method === 'HEAD')
}

function stateOf(status: Status | undefined): HealthState {
  if (status === undefined || status.state === 'starting') return 'live'
  return status.state === 'ready' || status.state === 'upgrading' ? 'ready' : 'draining'
}

function isStopping(status: Status | undefined): boolean {
  return stateOf(status) === 'draining' && status?.drain?.reason !== 'upgraded'
}
