/**
 * How a supervisor and its workers talk: the worker's end (`supervisor`), how a supervisor starts a worker
 * (`worker`), and what they say (`messages`). It decides nothing: what a fleet does is the business of the
 * package `cli`, what a worker does that of the room `service`.
 */
export type {
  Beat,
  HeldListener,
  TalkOfSupervisor,
  Terms,
  ToSupervisor,
  ToWorker,
  Wish,
} from './messages.js'
export { Peer, peerOf } from './peer.js'
export { findSupervisor, type Supervisor } from './supervisor.js'
export { type Born, startWorker } from './worker.js'
