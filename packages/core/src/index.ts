/**
 * Listener inheritance, upgrades and graceful drains for any Node server.
 * @packageDocumentation
 */
export type { AttachOptions } from './api.js'
export * from './app.js'
export {
  type ChannelMessages,
  checkAppOptions,
  type LifeHooks,
  type Protocol,
  type State,
} from './generation/index.js'
export { baggageOf, isLeaving, type LadenCarriage } from './migration/index.js'
export {
  type AppOptions,
  asksForHealth,
  type ClosableSocket,
  currentUpgrader,
  Deferred,
  type Health,
  type HealthState,
  healthOf,
  type Moving,
  restartOthers,
  type ServedApp,
  type SocketServer,
  serveApp,
} from './service/index.js'
export { arrived } from './talk/index.js'
