import { expect, test } from 'vitest'
import { EndlessError } from '../errors.js'
import { Generation } from '../generation/index.js'
import type { Parcel, Successor } from '../handover/index.js'
import type { Listeners } from '../listeners/index.js'
import { Upgrade } from './upgrade.js'

const past = { moved: 0, drained: 0, cut: 0, failed: 0 }
const parcel: Parcel = { generation: 1, listeners: [], files: [], elders: [], lanes: 0, past }
const why = new EndlessError('ERR_ENDLESS_STOPPED', 'another one failed')

/** An upgrade whose successor is spawned, and ready, when a test says so. */
function begin() {
  const generation = new Generation(undefined)
  generation.settings.merge({ logger: false, ignoreLauncher: true })
  generation.machine.send('ready')
  let spawned = (): void => {}
  let ready = (): void => {}
  let stopped = 0
  const successor = {
    pid: 4_711,
    ready: new Promise<void>((resolve) => {
      ready = resolve
    }),
    go: async () => {},
    exited: new Promise(() => {}),
    onWord: () => {},
    stop: async () => void stopped++,
  }
  const upgrade = new Upgrade(generation, { areClosed: false } as Listeners, {
    plan: () => ({ command: 'node', args: [], cwd: '/', env: {} }),
    start: () =>
      new Promise<Successor>((resolve) => {
        spawned = () => resolve(successor as unknown as Successor)
      }),
  })
  const outcome = upgrade
    .run(
      async () => {},
      () => parcel,
      () => ({}),
    )
    .then(
      () => 'serves',
      (error: Error) => error.message,
    )
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  return {
    generation,
    upgrade,
    outcome,
    turn,
    spawned: () => spawned(),
    ready: () => ready(),
    stops: () => stopped,
  }
}

test('serves', async () => {
  const { outcome, turn, spawned, ready } = begin()
  await turn()
  spawned()
  ready()
  expect(await outcome).toBe('serves')
})

test('that is stopped while the successor is being spawned: it is stopped, once', async () => {
  const { generation, upgrade, outcome, turn, spawned, stops } = begin()
  await turn()
  await upgrade.stop(why)
  spawned()
  expect(await outcome).toBe('another one failed')
  expect([stops(), generation.state]).toEqual([1, 'ready'])
})

test('that is stopped in the very turn in which the successor is there', async () => {
  const { upgrade, outcome, turn, spawned, stops } = begin()
  await turn()
  spawned()
  void upgrade.stop(why)
  expect(await outcome).toBe('another one failed')
  expect(stops()).toBe(1)
})

test('that is stopped twice stops the successor once: the second time would cut what it has', async () => {
  const { upgrade, outcome, turn, spawned, ready, stops } = begin()
  await turn()
  spawned()
  await turn()
  await upgrade.stop(why)
  ready()
  expect(await outcome).toBe('another one failed')
  expect(stops()).toBe(1)
})
