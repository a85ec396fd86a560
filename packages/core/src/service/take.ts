/**
 * What the preload does with a server that is about to listen. Loaded then, and not before: a script that
 * never listens pays for none of it.
 */
import type { Server } from 'node:net'
import { isMainThread } from 'node:worker_threads'
import type { Upgrader } from '../api.js'
import { isControlListener } from '../control/index.js'
import { EndlessError } from '../errors.js'
import { isOfCluster } from '../node/index.js'
import { hooksIn } from './hooksfile.js'
import { currentUpgrader, upgrader } from './singleton.js'

/** Those that have the hooks of a module. */
const hooked = new WeakSet<Upgrader>()

/**
 * It takes part in upgrades, as with an adapter; where it is attached already it is the app's.
 * @param config a module with hooks, which hold whoever has made the upgrader
 */
export function take(server: Server, config?: string): void {
  // A worker thread is not its process, and its servers are those of the thread.
  if (!isMainThread || server.listening || isOfCluster(server)) return
  if (isControlListener(server)) return
  try {
    const up = upgrader()
    if (config !== undefined && !hooked.has(up)) up.configure(hooksIn(config))
    hooked.add(up)
    up.attach(server, { byDefault: true })
  } catch (error) {
    // Never worse than without us: where this Node lacks what we need, the app runs without.
    if (!(error instanceof EndlessError) || error.code !== 'ERR_ENDLESS_NODE') throw error
    process.emitWarning(error.message, { code: error.code })
  }
}

/** The app says that it is ready: nothing comes of it before something listens. */
export function becomeReady(): void {
  const current = currentUpgrader()
  if (!current || current.status().listeners.length === 0) return
  // What fails is logged and ends the process: there is no caller here.
  current.ready().catch(() => {})
}
