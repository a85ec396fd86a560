import { EndlessError } from '@endlessjs/core/fleet'
import { expect, test, vi } from 'vitest'
import type { Fleet } from './fleet.js'
import { FakeWorker } from './specs/fakes.js'
import { grantWish } from './wishes.js'

function fakeFleet() {
  const acts = { reload: vi.fn(), hammer: vi.fn(), replace: vi.fn(), stop: vi.fn() }
  return { isEnding: false, stoppedByWorkerAt: 0, ...acts }
}

const wish = (fleet: object, worker: FakeWorker, what: 'shutdown' | 'upgrade', again = false) =>
  grantWish(fleet as Fleet, worker.worker, { endless: 'wish', id: 7, wish: what, again })

test('a stop is asked for by one, and meant for all; each of them asks once', async () => {
  const fleet = fakeFleet()
  const [one, other] = [new FakeWorker(1), new FakeWorker(2)]
  await wish(fleet, one, 'shutdown')
  expect(fleet.stop).toHaveBeenCalledTimes(1)
  expect(fleet.stoppedByWorkerAt).toBeGreaterThan(0)
  fleet.isEnding = true
  await wish(fleet, other, 'shutdown')
  expect(fleet.stop).toHaveBeenCalledTimes(1)
  await wish(fleet, one, 'shutdown', true)
  expect(fleet.stop).toHaveBeenCalledTimes(2)
})

test('what a worker makes of a signal of ours is no wish, however often', async () => {
  const fleet = fakeFleet()
  const worker = new FakeWorker()
  worker.isSignalled = true
  await wish(fleet, worker, 'shutdown')
  await wish(fleet, worker, 'shutdown', true)
  expect(fleet.stop).not.toHaveBeenCalled()
  expect(worker.heard).toEqual(['granted', 'granted'])
})

test('a refusal goes back with its code', async () => {
  const fleet = fakeFleet()
  const worker = new FakeWorker()
  fleet.reload.mockRejectedValue(new EndlessError('ERR_ENDLESS_DRAINING', 'ends'))
  await wish(fleet, worker, 'upgrade')
  expect(worker.told).toEqual([
    { endless: 'granted', id: 7, refused: { code: 'ERR_ENDLESS_DRAINING', message: 'ends' } },
  ])
})
