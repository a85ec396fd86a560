/**
 * What an app may import from its adapter: each adapter passes all of it on, so that an app needs
 * one package and a new name is added here, once.
 * @packageDocumentation
 */
export type { ChannelHandler, ServiceChannel, Status, Upgrader } from './api.js'
export { EndlessError, type ErrorCode } from './errors.js'
export {
  type DrainReason,
  endlessSignals,
  graceSignals,
  type Logger,
  type SignalAction,
  type SignalHook,
  type SignalHookMap,
  type SignalHooks,
  type SignalMap,
  type UpgraderOptions,
} from './generation/index.js'
export type { DrainReport, Elder, SpawnPlan } from './handover/index.js'
export { type Carriage, carried, carry } from './migration/index.js'
export type { ListenAddress } from './node/index.js'
export {
  type HealthOptions,
  type RestartOptions,
  restartWebSockets,
  upgrader,
} from './service/index.js'
