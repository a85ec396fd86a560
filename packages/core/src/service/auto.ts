/**
 * `node --import @endlessjs/core/auto server.js`, or `-r`: every server that the process makes listen takes
 * part in upgrades, without a line of the app changed. The process stays what it was until its first
 * server is about to listen.
 *
 * `ENDLESS_OPTIONS` has defaults of `upgrader()` as JSON; what the app sets itself wins.
 * `ENDLESS_CONFIG` names a module with hooks, such as `endless.config.js`.
 * `ENDLESS_READY=message`: the process is ready when it says so by `process.send('ready')`.
 * @packageDocumentation
 */
import { subscribe } from 'node:diagnostics_channel'
import { createRequire } from 'node:module'
import type { Server } from 'node:net'
import { fileURLToPath } from 'node:url'
import { hideFromChildren, hideFromForks } from '../handover/index.js'
import type * as Environment from './environment.js'
import { hearReadyMessage } from './readymessage.js'
import type * as Take from './take.js'

/** This file, and its door. */
const file = fileURLToPath(import.meta.url)
const files = [file, file.replace(/\.js$/, '.mjs')]

// What costs more than a millisecond is loaded when it is needed. Not by `import`: it must be there within
// the turn in which a server listens.
const require = createRequire(import.meta.url)
const loadTake = (): typeof Take => require('./take.js')
const loadEnvironment = (): typeof Environment => require('./environment.js')

/** Most processes have none of it. */
function fromEnvironment(): Partial<ReturnType<typeof Environment.takeEnvironment>> {
  const { ENDLESS_OPTIONS: options, ENDLESS_READY: ready, ENDLESS_CONFIG: config } = process.env
  const isThere = options !== undefined || ready !== undefined || config !== undefined
  return isThere ? loadEnvironment().takeEnvironment() : {}
}

// In a worker thread, too, which gets the options of its process: `take` leaves it alone.
hideFromForks(files)
const { readyByMessage = false, config } = fromEnvironment()
let isReady = false
if (readyByMessage)
  hearReadyMessage(() => {
    isReady = true
    loadTake().becomeReady()
  })
subscribe('tracing:net.server.listen:asyncStart', (message) => {
  const { server } = message as { readonly server: Server }
  // Whoever serves has children that do not; whoever does not may be npm, which starts the app.
  hideFromChildren(files)
  loadTake().take(server, config)
  if (readyByMessage) server.once('listening', () => isReady && loadTake().becomeReady())
})
