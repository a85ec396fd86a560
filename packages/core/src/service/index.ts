/**
 * The public face: the upgrader of a process, from the first `listen` to its departure. It may touch
 * signals, and is the only room that sends events to the state machine. Doors: `upgrader`, what
 * adapters are made of (`serveApp`, `Deferred`, `healthOf`), `restartWebSockets`, `testUpgrader`.
 */

export { Deferred } from './deferred.js'
export {
  asksForHealth,
  type Health,
  type HealthOptions,
  type HealthState,
  healthOf,
} from './health.js'
export { type AppOptions, type ServedApp, serveApp } from './serve.js'
export { currentUpgrader, upgrader } from './singleton.js'
export {
  type ClosableSocket,
  type Moving,
  type RestartOptions,
  restartOthers,
  restartWebSockets,
  type SocketServer,
} from './websockets.js'
