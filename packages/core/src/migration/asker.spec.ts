import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Connection } from '../connections/index.js'
import { Asker } from './asker.js'
import type { Candidates } from './candidates.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** @returns whether the one that is busy is held, after each of so many ms */
function heldAfter(times: readonly number[], awaitsClient: () => boolean): boolean[] {
  const connection = {} as Connection
  let isHeld = false
  const candidates = {
    areSomeCarried: true,
    nextCarried: () => undefined,
    waitedFor: () => [connection],
    awaitsClient,
  }
  const asker = new Asker(candidates as unknown as Candidates, {
    offer: () => true,
    hold: () => {
      isHeld = true
    },
    release: () => {
      isHeld = false
    },
  })
  asker.start()
  let now = 0
  const found = times.map((time) => {
    vi.advanceTimersByTime(time - now)
    now = time
    return isHeld
  })
  asker.stop()
  return found
}

test('one that is always busy is read no more for a while, time after time, and then for good', () => {
  const times = [90, 150, 590, 650, 750, 1_690, 1_750, 1_850, 3_800, 3_900, 20_000]
  expect(heldAfter(times, () => false)).toEqual([
    ...[false, true, true, false, true, true, false, true, true, false, false],
  ])
})

test('not as long as it waits for its client, who has to be heard for that', () => {
  let awaits = true
  expect(heldAfter([150, 300], () => awaits)).toEqual([false, false])
  awaits = false
  expect(heldAfter([150], () => awaits)).toEqual([true])
})
