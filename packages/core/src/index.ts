/**
 * Listener inheritance, upgrades and graceful drains for any Node server.
 * @packageDocumentation
 */

export type { AttachOptions, Status, Upgrader } from './api.js'
export { EndlessError, type ErrorCode } from './errors.js'
export {
  type ChannelMessages,
  checkAppOptions,
  type DrainReason,
  endlessSignals,
  graceSignals,
  type LifeHooks,
  type Logger,
  type Protocol,
  type SignalAction,
  type SignalHook,
  type SignalHookMap,
  type SignalHooks,
  type SignalMap,
  type State,
  type UpgraderOptions,
} from './generation/index.js'
export type { SpawnPlan } from './handover/index.js'
export type { ListenAddress } from './node/index.js'
export {
  type AppOptions,
  asksForHealth,
  type ClosableSocket,
  currentUpgrader,
  Deferred,
  type Health,
  type HealthOptions,
  type HealthState,
  healthOf,
  restartWebSockets,
  type ServedApp,
  type SocketServer,
  serveApp,
  upgrader,
} from './service/index.js'
