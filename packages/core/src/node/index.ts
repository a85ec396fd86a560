/**
 * The ground: every internal of Node and every question to the operating system about this process,
 * each with the test that says whether this Node has it. It touches Node alone and knows nothing of
 * upgrades. Doors: names of addresses (`address`), a listening handle (`handle`), an established one
 * (`established`), its HTTP parser (`parser`), pipes that carry handles (`lanes`), events that wait
 * (`emissions`), the process (`process`), what is missing here (`features`).
 */
export { type Asked, isPath, type ListenAddress, nameOf, nameOfBound, show } from './address.js'
export { type HeldEvent, holdEvent, intercept } from './emissions.js'
export {
  acceptorOf,
  bytesReadOf,
  type Frozen,
  freeze,
  holdReading,
  isFlushed,
  isFull,
  isOnHandle,
  rawSocketOf,
  restOf,
} from './established.js'
export { checkNode, missingForMigration } from './features.js'
export {
  bind,
  bindFailed,
  boundAddress,
  fdIn,
  type Handle,
  handleOf,
  holdAccept,
  interceptListen,
  type ListenCall,
  listenOn,
  openFd,
  redirectChmod,
  setHandle,
  stopAccepting,
} from './handle.js'
export { closeLanes, type Lane, laneCount, laneOf, openLanes, withLanes } from './lanes.js'
export {
  idleAmong,
  isBetweenRequests,
  isParsed,
  isPlainHttp,
  settle,
  speaksHttp,
} from './parser.js'
export {
  type Ancestor,
  ancestors,
  exitProcess,
  fdLimit,
  procFile,
  signalChild,
  whyNoUpgrade,
} from './process.js'
