import { expect, test } from 'vitest'
import { Relay } from './relay.js'
import { Slot } from './slot.js'
import { FakeWorker } from './specs/fakes.js'

const said = (by: string, n: number) =>
  ({ endless: 'said', channel: 'a', text: `${n}`, by, n }) as const

/** What it was told of channels. */
function texts({ told }: FakeWorker): string[] {
  return told.map((one) => (one.endless === 'said' ? one.text : one.endless))
}

function inSlots(count: number): { relay: Relay; slots: Slot[]; workers: FakeWorker[] } {
  const relay = new Relay()
  const slots = Array.from({ length: count }, (_, n) => new Slot(n))
  const workers = slots.map((slot, n) => {
    const worker = new FakeWorker(n + 1)
    slot.living.add(worker.worker)
    relay.appoint(slot, worker.worker)
    return worker
  })
  return { relay, slots, workers }
}

test('a message goes to the one that speaks for each other slot', () => {
  const { relay, slots, workers } = inSlots(3)
  relay.hear(slots[0] as Slot, workers[0]?.worker as never, said('x', 1))
  expect(workers.map(texts)).toEqual([[], ['1'], ['1']])
})

test('what the next one says early waits for the word of the one before it', () => {
  const { relay, slots, workers } = inSlots(2)
  const [slot] = slots as [Slot, Slot]
  const [old, other] = workers as [FakeWorker, FakeWorker]
  const heir = new FakeWorker(9)
  slot.living.add(heir.worker)
  relay.hear(slot, heir.worker, said('x', 2))
  relay.hear(slot, old.worker, said('x', 1))
  expect(texts(other)).toEqual(['1'])
  relay.hear(slot, old.worker, { endless: 'yields', to: 9 })
  expect(texts(other)).toEqual(['1', '2'])
  relay.hear(slots[1] as Slot, other.worker, said('y', 1))
  expect([texts(old), texts(heir)]).toEqual([['yielded'], ['1']])
})

test('of a slot whose speaker has died, messages are kept for the one that claims it, and what that says again comes once', () => {
  const { relay, slots, workers } = inSlots(2)
  const [slot] = slots as [Slot, Slot]
  const [old, other] = workers as [FakeWorker, FakeWorker]
  const heir = new FakeWorker(9)
  slot.living.add(heir.worker)
  relay.hear(slot, old.worker, said('x', 1))
  slot.living.delete(old.worker)
  relay.gone(slot, old.worker)
  relay.hear(slots[1] as Slot, other.worker, said('y', 1))
  expect(texts(heir)).toEqual([])
  relay.hear(slot, heir.worker, { endless: 'claims' })
  for (const n of [1, 2]) relay.hear(slot, heir.worker, said('x', n))
  expect([texts(heir), texts(other)]).toEqual([['1'], ['1', '2']])
})

test('a first one begins with what comes from then on; for an empty slot nothing is kept', () => {
  const { relay, slots, workers } = inSlots(2)
  const [slot] = slots as [Slot, Slot]
  const [old, other] = workers as [FakeWorker, FakeWorker]
  slot.living.delete(old.worker)
  relay.gone(slot, old.worker)
  relay.hear(slots[1] as Slot, other.worker, said('y', 1))
  const next = new FakeWorker(9)
  slot.living.add(next.worker)
  relay.appoint(slot, next.worker)
  relay.hear(slots[1] as Slot, other.worker, said('y', 2))
  expect(texts(next)).toEqual(['2'])
})
