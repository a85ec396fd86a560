/**
 * The ground: every internal of Node and every question to the operating system about this process,
 * each with the test that says whether this Node has it. It touches Node alone and knows nothing of
 * upgrades. Doors: names of addresses (`address`), a listening handle (`handle`), an established one
 * (`established`), its HTTP parser (`parser`), a stream of HTTP/2 (`http2stream`), what is
 * written under its session (`undersession`), messages that carry
 * handles (`channel`), a request once more (`handshake`), a response in progress (`answer`), events that wait (`emissions`), the process (`process`, and what /proc shows of
 * others: `proc`), what systemd is told (`notify`), what stands at a path (`stat`), the file of a Unix
 * socket (`unixsocket`), what is missing here (`features`).
 */
export { type Asked, isPath, type ListenAddress, nameOf, nameOfBound, show } from './address.js'
export {
  framingOf,
  headWrittenOf,
  isBetweenWrites,
  isEncoded,
  partFromSocket,
  partsFromSocket,
} from './answer.js'
export {
  Channel,
  channelOf,
  closeChannels,
  type Hear,
  laneCount,
  openChannel,
  type Passing,
  passOn,
  type Sent,
} from './channel.js'
export { type HeldEvent, holdEvent, intercept } from './emissions.js'
export {
  type Accept,
  acceptorOf,
  bytesReadOf,
  destroyUnheard,
  type Frozen,
  freeze,
  handleOn,
  holdReading,
  holdWriting,
  idleFor,
  isFlushed,
  isFull,
  isOnHandle,
  rawSocketOf,
  restOf,
  serverOf,
} from './established.js'
export { checkNode, missingForMigration } from './features.js'
export {
  answerClose,
  bind,
  bindFailed,
  boundAddress,
  fdIn,
  type Handle,
  handleOf,
  holdAccept,
  interceptListen,
  isTls,
  type ListenCall,
  listenOn,
  openFd,
  redirectChmod,
  setHandle,
  stopAccepting,
  watchListen,
} from './handle.js'
export { headOf, isSwitch, replay } from './handshake.js'
export { holdStream, pushesOn } from './http2stream.js'
export { startInspector } from './inspector.js'
export { countOn } from './limit.js'
export {
  type Notice,
  Notifier,
  type NotifyEnvironment,
  notifyEnvironment,
  speaksForUnit,
  withoutNotify,
} from './notify.js'
export {
  idleOf,
  isBetweenRequests,
  isParsed,
  isPlainHttp,
  keepsResponses,
  responseOn,
  sentHead,
  settle,
  speaksHttp,
} from './parser.js'
export { withPipes } from './pipes.js'
export {
  type Ancestor,
  ancestors,
  leadsTerminal,
  procFile,
  startOf,
  wordsOf,
} from './proc.js'
export {
  exitProcess,
  fdLimit,
  hasTerminal,
  isLiving,
  isOfCluster,
  logicalCwd,
  signalChild,
  startedWithoutHangup,
  whyNoUpgrade,
} from './process.js'
export { changedAt, inodeAt, lstatOf, statOf } from './stat.js'
export { canStandUnder, standsUnder, standUnderSessions, writeUnder } from './undersession.js'
export {
  bindAt,
  fitsSocket,
  isSocketFile,
  longestPath,
  occupantOf,
  publishSocket,
  removeSocket,
  temporaryPath,
  unlinkSocket,
} from './unixsocket.js'
