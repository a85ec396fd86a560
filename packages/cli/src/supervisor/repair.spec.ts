import type { Exit } from '@endlessjs/core/fleet'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Repair } from './repair.js'
import { Slot } from './slot.js'
import { FakeWorker } from './specs/fakes.js'
import type { Takeover } from './takeover.js'
import { Voice } from './voice.js'

const exit: Exit = { code: 1, signal: null }
const logger = { info: vi.fn(), debug: vi.fn(), warn: vi.fn(), error: vi.fn() }
const fill = vi.fn<(slot: Slot) => Promise<void>>()
const giveUp = vi.fn()

let slot: Slot
let repair: Repair

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  for (const one of [fill, giveUp]) one.mockReset()
  // A worker that serves.
  fill.mockImplementation(async (of) => of.join(new FakeWorker(9).worker))
  slot = new Slot(0)
  repair = new Repair(3, { fill, giveUp }, new Voice(logger))
})
afterEach(() => {
  repair.stop()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

/** Dies at once after its start. */
function crash(): void {
  const worker = new FakeWorker()
  worker.age = 50
  slot.living.clear()
  repair.exited(slot, worker.worker, exit)
}

test('the first crash is mended at once, the next one after a pause', async () => {
  crash()
  await vi.advanceTimersByTimeAsync(1)
  expect(fill).toHaveBeenCalledTimes(1)
  crash()
  await vi.advanceTimersByTimeAsync(99)
  expect(fill).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(fill).toHaveBeenCalledTimes(2)
})

test('one that cannot be filled is tried again, until there is nothing but crashes', async () => {
  fill.mockRejectedValue(new Error('no'))
  crash()
  await vi.advanceTimersByTimeAsync(60_000)
  expect([fill.mock.calls.length, slot.crashes.count]).toEqual([3, 4])
  expect(giveUp).toHaveBeenCalledExactlyOnceWith(exit)
})

test('one that is dead when it has been filled is filled again', async () => {
  fill.mockImplementationOnce(async () => {})
  crash()
  await vi.advanceTimersByTimeAsync(1_000)
  expect(fill).toHaveBeenCalledTimes(2)
})

test('is filled by one at a time; not where it is occupied, closed, or nothing is started any more', async () => {
  crash()
  repair.mend(slot, exit)
  await vi.advanceTimersByTimeAsync(1)
  repair.mend(slot, exit)
  slot.living.clear()
  slot.isClosed = true
  repair.mend(slot, exit)
  slot.isClosed = false
  repair.stop()
  repair.mend(slot, exit)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(fill).toHaveBeenCalledTimes(1)
})

test('one that drained has come back in the pause: there is no room for another one', async () => {
  crash()
  slot.join(new FakeWorker(5).worker)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(fill).not.toHaveBeenCalled()
})

test('a stop ends a pause', async () => {
  for (let n = 0; n < 2; n++) crash()
  repair.stop()
  await vi.advanceTimersByTimeAsync(0)
  expect([fill.mock.calls.length, vi.getTimerCount()]).toEqual([0, 0])
})

test('whose end was asked for, or who is on probation, has not crashed', () => {
  const told = new FakeWorker()
  told.isToldToStop = true
  const heir = new FakeWorker(2)
  slot.join(new FakeWorker(3).worker)
  slot.takeover = { heir: heir.worker, isOver: false } as unknown as Takeover
  for (const one of [told, heir]) repair.exited(slot, one.worker, exit)
  expect(slot.crashes.count).toBe(0)
  const counted = new FakeWorker(4)
  counted.hasCrashed = true
  repair.exited(slot, counted.worker, exit)
  expect(slot.crashes.count).toBe(0)
})
