import type { Server } from 'node:net'
import type { Status, Upgrader } from '../api.js'
import { checkSignal, checkUpgraderOptions, type UpgraderOptions } from '../generation/index.js'
import { Talk } from '../talk/index.js'

/**
 * A stand-in for tests (tableflip's `testing.Upgrader`): servers listen as they would without us,
 * `upgrade()` does nothing, and no signal handler, timer or hook is installed. Every call makes a
 * new one.
 *
 * ```ts
 * await supertest(endless(app, { upgrader: testUpgrader() }).listen(0)).get('/')
 * ```
 */
export function testUpgrader(): Upgrader {
  // A process without others: what is said is handled here alone.
  const talk = new Talk(undefined, undefined, console)
  const drainSignal = new AbortController().signal
  const undo = (): void => {}
  return {
    state: 'ready',
    generation: 0,
    hasParent: false,
    inFlight: 0,
    drainSignal,
    configure: (options: UpgraderOptions) => checkUpgraderOptions(options),
    listen: <S extends Server>(server: S, ...args: unknown[]) =>
      Reflect.apply(server.listen, server, args) as S,
    attach: () => undo,
    ready: async () => {},
    upgrade: async () => ({ pid: process.pid }),
    shutdown: async () => {},
    hammer: () => {},
    waitForParent: async () => {},
    addFile: () => undo,
    inherited: () => undefined,
    channel: (name, handler) => talk.open(name, handler),
    hook: (name, hook) => {
      checkUpgraderOptions({ [name]: hook })
      return undo
    },
    hookSignal: (when, signal) => {
      checkSignal(`${when} hook`, signal)
      return undo
    },
    status: () => idle,
    uninstall: async () => {},
  }
}

const idle: Status = {
  pid: process.pid,
  generation: 0,
  state: 'ready',
  uptime: 0,
  predecessor: undefined,
  successor: undefined,
  listeners: [],
  connections: { total: 0, active: 0, idle: 0, silent: 0, partial: 0, upgraded: 0 },
  requests: [],
  adopted: 0,
  drain: undefined,
  draining: [],
  totals: {
    upgrades: { succeeded: 0, failed: 0 },
    connections: { moved: 0, drained: 0, cut: 0 },
  },
}
