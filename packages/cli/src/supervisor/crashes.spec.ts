import { expect, test } from 'vitest'
import { Crashes } from './crashes.js'

function after(...ages: readonly number[]): Crashes {
  const crashes = new Crashes()
  for (const age of ages) crashes.add(age)
  return crashes
}

test.each([
  [[], 0],
  [[60_000], 0],
  [[100], 0],
  [[100, 100], 100],
  [[100, 100, 100], 200],
  [Array(40).fill(0), 15_000],
  [[100, 100, 10_000], 0],
  [[100, 100, 9_999], 200],
])('after crashes at the age of %j ms there is a pause of %i ms', (ages, pause) => {
  expect(after(...ages).pause).toBe(pause)
})

test('are too many in a row, and counted in all', () => {
  expect(after(0, 0).exceed(2)).toBe(false)
  expect(after(0, 0, 0).exceed(2)).toBe(true)
  const mended = after(0, 0, 0, 20_000)
  expect([mended.exceed(2), mended.count]).toEqual([false, 4])
})
