/**
 * What a supervisor is built of: for `@endlessjs/cli` alone, and no public API.
 * @packageDocumentation
 */
export { EndlessError, type ErrorCode, messageOf } from './errors.js'
export {
  checkUpgraderOptions,
  hookNames,
  type Logger,
  PidFile,
  stderrLogger,
} from './generation/index.js'
export {
  type Body,
  type Drained,
  type DrainReport,
  type Exit,
  type HandedListener,
  SpawnedSuccessor,
  type SpawnPlan,
  spawnPlan,
  sumOf,
} from './handover/index.js'
export { takeActivated } from './listeners/index.js'
export {
  type Handle,
  type Notice,
  Notifier,
  nameOfBound,
  notifyEnvironment,
  type Passing,
  passOn,
  unlinkSocket,
  withoutNotify,
} from './node/index.js'
export { Hangup } from './service/hangup.js'
export {
  type Beat,
  type Born,
  type HeldListener,
  startWorker,
  type Terms,
  type ToSupervisor,
  type ToWorker,
  type Wish,
} from './supervision/index.js'
