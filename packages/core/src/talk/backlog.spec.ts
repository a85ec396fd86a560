import { expect, test } from 'vitest'
import { Backlog } from './backlog.js'

function withSaid(count: number): Backlog {
  const backlog = new Backlog()
  for (let n = 1; n <= count; n++) backlog.add(said(n))
  return backlog
}

const said = (n: number, text = `${n}`) => ({ channel: 'a', text, by: 'me', n })

const since = (backlog: Backlog, count: number): number[] => backlog.since(count).map(({ n }) => n)

test('gives what was said after so many', () => {
  expect(since(withSaid(4), 0)).toEqual([1, 2, 3, 4])
  expect(since(withSaid(4), 3)).toEqual([4])
  expect(since(withSaid(4), 4)).toEqual([])
})

test('keeps nothing that was acknowledged, and counts on', () => {
  const backlog = withSaid(4)
  backlog.acknowledge(3)
  expect(since(backlog, 0)).toEqual([4])
  expect(backlog.size).toBe(1)
  backlog.add(said(5))
  expect(since(backlog, 4)).toEqual([5])
  expect(backlog.isLost).toBe(false)
})

test('an acknowledgement may say no more than the one before it, or more than there is', () => {
  const backlog = withSaid(2)
  backlog.acknowledge(2)
  backlog.acknowledge(1)
  backlog.acknowledge(9)
  backlog.add(said(3))
  expect(since(backlog, 2)).toEqual([3])
})

test('is bounded: beyond 64 Mi characters it keeps nothing, and says so', () => {
  const backlog = new Backlog()
  const text = 'x'.repeat(2 ** 20)
  for (let n = 1; n <= 64; n++) backlog.add(said(n, text))
  expect(backlog.isLost).toBe(false)
  backlog.add(said(65, 'x'))
  expect(backlog.isLost).toBe(true)
  expect([since(backlog, 0), backlog.size]).toEqual([[], 0])
})
