import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Pace } from './pace.js'

let pace: Pace | undefined

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
})

afterEach(() => {
  pace?.stop()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

/** Moves as many of so many as there is room for, until they are all gone. @returns how many by each ms */
function moves(total: number, longest: number, { isIdle = false, answer = 1 } = {}): number[] {
  const byTime: number[] = []
  let gone = 0
  const go = (): void => {
    while (gone < total && own.hasRoom) {
      own.take(isIdle)
      gone++
    }
    own.answered(answer)
  }
  pace?.stop()
  const own = new Pace(longest, go)
  pace = own
  go()
  while (gone < total) {
    byTime.push(gone)
    vi.advanceTimersByTime(1)
  }
  byTime.push(gone)
  return byTime
}

test('few go first, more and more later: a hundred take about half a second', () => {
  const byTime = moves(100, 2_000)
  expect(byTime[0]).toBe(1)
  expect(byTime[100]).toBeLessThan(12)
  expect(byTime[250]).toBeLessThan(40)
  expect(byTime.length).toBeGreaterThan(300)
  expect(byTime.length).toBeLessThan(600)
})

test('ten times as many take hardly twice the time', () => {
  const [hundred, thousand] = [moves(100, 5_000).length, moves(1_000, 5_000).length]
  expect(thousand).toBeLessThan(2 * hundred)
})

test('those that ask for nothing go faster: ten thousand in about a second', () => {
  expect(moves(10_000, 5_000, { isIdle: true }).length).toBeLessThan(1_100)
})

test('a successor that answers late gets no more at a time until it answers promptly', () => {
  const byTime = moves(100, 1_000, { answer: 20 })
  expect(byTime[900]).toBeLessThan(60)
})

test('when the time is over, all go: a machine that is saturated never gets prompt', () => {
  const byTime = moves(1_000, 1_000, { answer: 20 })
  expect(byTime.length).toBeLessThan(1_020)
})

test('0: all at once, without a timer', () => {
  expect(moves(1_000, 0)).toEqual([1_000])
  expect(vi.getTimerCount()).toBe(0)
})
