import { expect, test } from 'vitest'
import type { Fleet } from './fleet.js'
import { Slot } from './slot.js'
import { FakeWorker, fakeRelease } from './specs/fakes.js'
import { statusOf } from './status.js'
import { Totals } from './totals.js'

function statusOfSlot(current: FakeWorker | undefined, ...living: readonly FakeWorker[]) {
  const slot = new Slot(0)
  for (const one of living) slot.join(one.worker)
  slot.current = current?.worker
  const totals = new Totals()
  const fleet = { release: fakeRelease('r'), state: 'serving', slots: [slot], living, totals }
  return statusOf('a', fleet as unknown as Fleet).workers[0]
}

test('one that serves, and who drains beside it', () => {
  const [old, worker] = [new FakeWorker(1), new FakeWorker(2)]
  old.state = 'draining'
  old.drain = { age: 5, hammerIn: 9, holds: ['GET /'] }
  worker.beat = { rss: 1, delay: 2, connections: 3, inFlight: 4, requests: 5 }
  expect(statusOfSlot(worker, old, worker)).toEqual({
    slot: 0,
    restarts: 0,
    state: 'serving',
    generation: 0,
    pid: 2,
    release: 'old',
    uptime: 60_000,
    connections: 3,
    inFlight: 4,
    rss: 1,
    delay: 2,
    draining: [{ pid: 1, generation: 0, age: 5, hammerIn: 9, holds: ['GET /'] }],
  })
})

test('one that starts in an empty slot; nobody', () => {
  const starting = new FakeWorker(3)
  starting.state = 'starting'
  const dead = new FakeWorker(2)
  dead.state = 'exited'
  expect(statusOfSlot(dead, starting)).toMatchObject({ state: 'starting', pid: 3 })
  expect(statusOfSlot(dead)).toEqual({ slot: 0, restarts: 0, draining: [], state: 'restarting' })
})
