/**
 * Listener inheritance, upgrades and graceful drains for any Node server.
 * @packageDocumentation
 */
export type { ListenAddress } from './address.js'
export type { AttachOptions, Status, Upgrader } from './api.js'
export type { ChannelMessages } from './channels.js'
export { Deferred } from './deferred.js'
export { EndlessError, type ErrorCode } from './errors.js'
export {
  asksForHealth,
  type Health,
  type HealthOptions,
  type HealthState,
  healthOf,
} from './health.js'
export type { Logger } from './logger.js'
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
} from './options.js'
export type { SpawnPlan } from './process.js'
export { type AppOptions, type ServedApp, serveApp } from './serve.js'
export { currentUpgrader, upgrader } from './singleton.js'
export type { State } from './state.js'
export { checkAppOptions, type Protocol } from './validate.js'
export { type ClosableSocket, restartWebSockets, type SocketServer } from './websockets.js'
