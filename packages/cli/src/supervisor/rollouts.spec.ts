import { expect, test, vi } from 'vitest'
import { Rollouts } from './rollouts.js'
import { Slot } from './slot.js'
import { FakeWorker, fakeRelease, terms } from './specs/fakes.js'
import { Voice } from './voice.js'

const voice = new Voice({ info: vi.fn(), debug: vi.fn(), warn: vi.fn(), error: vi.fn() })
const [release, before] = [fakeRelease('new'), fakeRelease('old')]

function slotWith(worker: FakeWorker, ...others: readonly FakeWorker[]): Slot {
  const slot = new Slot(0)
  for (const one of [...others, worker]) slot.join(one.worker)
  slot.current = worker.worker
  return slot
}

const order = (...slots: readonly Slot[]) => ({ slots, release, before, surge: 9 })

test('one at a time', async () => {
  const worker = new FakeWorker()
  const rollouts = new Rollouts(voice)
  const first = rollouts.run(order(slotWith(worker)), () => {})
  expect(rollouts.isBusy).toBe(true)
  await expect(rollouts.run(order(), () => {})).rejects.toThrow(/in progress/)
  const settled = rollouts.settled()
  worker.exit()
  await expect(first).rejects.toThrow(/before its successor served/)
  await settled
  expect(rollouts.isBusy).toBe(false)
})

test('not where nobody serves', async () => {
  const worker = new FakeWorker()
  worker.state = 'draining'
  await expect(new Rollouts(voice).run(order(slotWith(worker)), () => {})).rejects.toThrow(
    /worker 0 does not serve/,
  )
})

test('not where too many drain: it says who holds them', async () => {
  const old = new FakeWorker(7)
  old.state = 'draining'
  old.drain = { holds: ['GET /events'] }
  const worker = new FakeWorker(8)
  worker.terms = { ...terms, maxDraining: 1 }
  await expect(new Rollouts(voice).run(order(slotWith(worker, old)), () => {})).rejects.toThrow(
    /1 older generations.*pid 7, held by GET \/events/,
  )
  expect(worker.told).toEqual([])
})
