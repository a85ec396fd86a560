/**
 * `node --import @endlessjs/core/auto server.js`, or `-r`: every server that the process makes listen takes
 * part in upgrades, without a line of the app changed. The process stays what it was until its first
 * server is about to listen.
 *
 * `ENDLESS_OPTIONS` has defaults of `upgrader()` as JSON; what the app sets itself wins.
 * `ENDLESS_READY=message`: the process is ready when it says so by `process.send('ready')`.
 * @packageDocumentation
 */
import { subscribe } from 'node:diagnostics_channel'
import { createRequire } from 'node:module'
import type { Server } from 'node:net'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import { takeEnvironment } from '../generation/index.js'
import { hideFromChildren, hideFromForks } from '../handover/index.js'
import { hearReadyMessage } from './readymessage.js'
import type * as Take from './take.js'

/** This file, and its door. */
const file = fileURLToPath(import.meta.url)
const files = [file, file.replace(/\.js$/, '.mjs')]

/** Not by `import`: it must be there within the turn in which a server listens. */
function load(): typeof Take {
  return createRequire(import.meta.url)('./take.js')
}

function takeAll(): void {
  hideFromForks(files)
  const { readyByMessage } = takeEnvironment()
  let isReady = false
  if (readyByMessage)
    hearReadyMessage(() => {
      isReady = true
      load().becomeReady()
    })
  subscribe('tracing:net.server.listen:asyncStart', (message) => {
    const { server } = message as { readonly server: Server }
    // Whoever serves has children that do not; whoever does not may be npm, which starts the app.
    hideFromChildren(files)
    load().take(server)
    if (readyByMessage) server.once('listening', () => isReady && load().becomeReady())
  })
}

// A worker thread gets the options of its process, and is none.
if (isMainThread) takeAll()
