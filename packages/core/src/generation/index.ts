/**
 * One process of the service: its state, its options, its hooks, and what it says of itself. It may
 * touch the log, the diagnostics channels and the pid file. Doors: the `Generation`, which the rooms
 * above all get; options and their checks, those of the environment too; the pid file.
 */
export type { ChannelMessages } from './channels.js'
export { takeEnvironment } from './environment.js'
export { Generation } from './generation.js'
export { callHook, hookNames, type When } from './hooks.js'
export { type Logger, silentLogger, stderrLogger } from './logger.js'
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
export { PidFile, tryPidFile } from './pidfile.js'
export type { State } from './state.js'
export { checkAppOptions, checkSignal, checkUpgraderOptions, type Protocol } from './validate.js'
