import { expect, test } from 'vitest'
import { giftsAmong } from './rebalance.js'

const among = (...counts: readonly number[]) =>
  giftsAmong(counts.map((count, worker) => ({ worker, count })))

test.each([
  ['nobody', []],
  ['one alone', [100]],
  ['too few to matter', [6, 0]],
  ['even', [50, 50, 50]],
  ['tolerable', [57, 50, 43]],
])('%s: nothing is given', (_, counts) => {
  expect(among(...counts)).toEqual([])
})

test('who has too many gives to who has the fewest', () => {
  expect(among(100, 0)).toEqual([{ from: 0, to: 1, count: 50 }])
  expect(among(70, 20, 30)).toEqual([
    { from: 0, to: 1, count: 20 },
    { from: 0, to: 2, count: 10 },
  ])
})

test('afterwards none has too many, and none gives what it has not got', () => {
  for (let n = 0; n < 500; n++) {
    const counts = Array.from({ length: 2 + (n % 7) }, (_, at) => (n * 7_919 * (at + 3)) % 211)
    const total = counts.reduce((sum, count) => sum + count, 0)
    const left = [...counts]
    for (const { from, to, count } of among(...counts)) {
      left[from] = (left[from] ?? 0) - count
      left[to] = (left[to] ?? 0) + count
      expect(left[from]).toBeGreaterThanOrEqual(0)
    }
    const mean = total / counts.length
    if (mean >= 4) expect(Math.max(...left)).toBeLessThanOrEqual(Math.max(mean * 1.15, mean + 2))
    expect(left.reduce((sum, count) => sum + count, 0)).toBe(total)
  }
})
