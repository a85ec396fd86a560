/**
 * What is asked of a running service from outside, over a Unix socket. It may touch that socket and its
 * directory, and knows nothing of generations: who answers is given to it. Doors: the `ControlServer` in
 * the service, the `ControlClient` in the command, where they meet (`controlPath`), and what they say to
 * each other (`protocol`; `commands` and `status` for what a supervisor is asked).
 */

export { EndlessError, type ErrorCode } from '../errors.js'
export { ControlClient, type ProgressListener } from './client.js'
export {
  type Hammered,
  isMoved,
  type Moved,
  type ProgressEvent,
  type ReloadArgs,
  readHammered,
  readProgress,
  readScaled,
  type ScaleArgs,
  type Scaled,
  unknownCommand,
} from './commands.js'
export { type ControlLocation, controlPath } from './location.js'
export { controlListener, isControlListener } from './mark.js'
export type { ControlHandler } from './peer.js'
export { type ControlReply, type ControlRequest, lineLimit, protocolVersion } from './protocol.js'
export { ControlServer } from './server.js'
export { listenAt } from './socketfile.js'
export {
  type DrainStatus,
  readStatus,
  type ServiceStatus,
  type TotalsStatus,
  type WorkerStatus,
} from './status.js'
