/**
 * Listener inheritance, upgrades and graceful drains for any Node server.
 * @packageDocumentation
 */

export type { AttachOptions, Status, Upgrader } from './api.js'
export { EndlessError, type ErrorCode } from './errors.js'
export type { ChannelMessages } from './generation/channels.js'
export type { Logger } from './generation/logger.js'
export {
  type DrainReason,
  endlessSignals,
  graceSignals,
  type LifeHooks,
  type SignalAction,
  type SignalHook,
  type SignalHookMap,
  type SignalHooks,
  type SignalMap,
  type UpgraderOptions,
} from './generation/options.js'
export type { State } from './generation/state.js'
export { checkAppOptions, type Protocol } from './generation/validate.js'
export type { SpawnPlan } from './handover/process.js'
export type { ListenAddress } from './node/address.js'
export { Deferred } from './service/deferred.js'
export {
  asksForHealth,
  type Health,
  type HealthOptions,
  type HealthState,
  healthOf,
} from './service/health.js'
export { type AppOptions, type ServedApp, serveApp } from './service/serve.js'
export { currentUpgrader, upgrader } from './service/singleton.js'
export { type ClosableSocket, restartWebSockets, type SocketServer } from './service/websockets.js'
