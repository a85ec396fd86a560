import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { gradually } from './gradually.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
})

afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

const never = new AbortController().signal
const hundred = Array.from({ length: 100 }, (_, n) => n)

test('each has its turn, all within the time, and none too many at once', async () => {
  const done: number[] = []
  const counts: number[] = []
  const end = gradually(hundred, 1_000, (n) => done.push(n), never)
  for (let n = 0; n < 52; n++) {
    counts.push(done.length)
    vi.advanceTimersByTime(20)
  }
  await end
  expect(done).toEqual(hundred)
  const steps = counts.slice(1).map((count, n) => count - (counts[n] ?? 0))
  // A tick has two shares of the time, and each turn is somewhere in its own.
  expect(Math.max(...steps)).toBeLessThanOrEqual(4)
  expect(counts[25]).toBeGreaterThan(40)
  expect(counts[25]).toBeLessThan(60)
})

test('0: all at once', async () => {
  const done: number[] = []
  await gradually(hundred, 0, (n) => done.push(n), never)
  expect(done).toEqual(hundred)
})

test('nobody: it is done', async () => {
  await gradually([], 1_000, () => {}, never)
})

test('the others are left alone when that is over', async () => {
  const over = new AbortController()
  const done: number[] = []
  const end = gradually(hundred, 1_000, (n) => done.push(n), over.signal)
  vi.advanceTimersByTime(500)
  over.abort()
  await end
  vi.advanceTimersByTime(1_000)
  expect(done.length).toBeLessThan(60)
  await gradually(hundred, 0, (n) => done.push(n), over.signal)
  expect(done.length).toBeLessThan(60)
})
