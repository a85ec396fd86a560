import { expect, test } from 'vitest'
import { FakeWorker } from './specs/fakes.js'
import { Totals } from './totals.js'

function drained(moved: number, cut = 0): FakeWorker {
  const worker = new FakeWorker(1)
  worker.drain = {
    connections: 0,
    holds: [],
    age: 1,
    hammerIn: 1,
    counts: { moved, drained: 1, cut },
  }
  return worker
}

test('reloads are counted as they end', async () => {
  const totals = new Totals()
  await totals.count(Promise.resolve())
  const error = new Error('boom')
  await expect(totals.count(Promise.reject(error))).rejects.toBe(error)
  expect(totals.status([]).upgrades).toEqual({ succeeded: 1, failed: 1 })
})

test('connections of those that drain, and of those that have gone', () => {
  const totals = new Totals()
  totals.hasGone(drained(5, 1).worker)
  totals.hasGone(new FakeWorker(2).worker)
  expect(totals.status([drained(3).worker]).connections).toEqual({ moved: 8, drained: 2, cut: 1 })
  expect(totals.status([]).connections).toEqual({ moved: 5, drained: 1, cut: 1 })
})
