import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { EndlessError } from '../errors.js'
import { Generation } from '../generation/index.js'
import type { Listeners } from '../listeners/index.js'
import { FakeChannel } from '../supervision/specs/fakechannel.js'
import { supervisorOver } from '../supervision/specs/supervised.js'
import type { Departure } from './departure.js'
import { Worker, type WorkerActions } from './worker.js'

let link: FakeChannel
let worker: Worker
const departure = { stop: vi.fn(async () => {}), hammer: vi.fn(), takeBack: vi.fn() }
const actions = {
  upgrade: vi.fn(async () => ({ pid: 9 })),
  stopUpgrade: vi.fn(),
  departure: departure as unknown as Departure,
} satisfies WorkerActions

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
  vi.clearAllMocks()
  link = new FakeChannel()
  const supervisor = supervisorOver(link)
  const generation = new Generation(undefined)
  generation.settings.merge({ logger: false })
  Object.defineProperty(generation, 'supervisor', { value: supervisor })
  worker = new Worker(generation, supervisor, {} as Listeners, actions)
})
afterEach(() => {
  worker.uninstall()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

test('does what it is told', () => {
  link.says(
    { endless: 'stop' },
    { endless: 'hammer' },
    { endless: 'takeBack', why: 'a' },
    { endless: 'apart', id: 1, why: 'b' },
  )
  expect(departure.stop).toHaveBeenCalledTimes(1)
  expect(departure.hammer).toHaveBeenCalledTimes(1)
  expect(departure.takeBack).toHaveBeenCalledWith('a')
  expect(actions.stopUpgrade.mock.calls[0]?.[0]).toMatchObject({ message: 'b' })
})

test('says what became of an upgrade', async () => {
  link.says({ endless: 'upgrade', id: 5, plan: {} })
  await vi.waitFor(() => expect(link.sent).toEqual([{ endless: 'upgraded', id: 5, pid: 9 }]))
  actions.upgrade.mockRejectedValueOnce(new EndlessError('ERR_ENDLESS_STOPPED', 'no'))
  link.says({ endless: 'upgrade', id: 6, plan: {} })
  const failed = { endless: 'failed', id: 6, code: 'ERR_ENDLESS_STOPPED', message: 'no' }
  await vi.waitFor(() => expect(link.sent.at(-1)).toEqual(failed))
})

test('what is wanted of it is wanted of all', async () => {
  const before = vi.fn(async () => {})
  const stopped = worker.wishes.stop(before)
  await vi.waitFor(() =>
    expect(link.sent).toEqual([{ endless: 'wish', id: 0, wish: 'shutdown', again: false }]),
  )
  link.says({ endless: 'granted', id: 0 })
  await stopped
  expect([before.mock.calls.length, departure.stop.mock.calls.length]).toEqual([1, 0])
})

test('whoever wants an upgrade waits for its own successor, or for all', async () => {
  const asked = worker.wishes.upgrade(async () => {})
  await vi.waitFor(() => expect(link.sent.length).toBe(1))
  link.says({ endless: 'upgrade', id: 5, plan: {} })
  await asked
})

test('without a supervisor it leaves, and is on its own', async () => {
  link.close()
  await vi.waitFor(() => expect(departure.stop).toHaveBeenCalledTimes(1))
  await worker.wishes.stop(async () => {})
  expect(departure.stop).toHaveBeenCalledTimes(2)
})

test('says each second how it is', () => {
  vi.advanceTimersByTime(2_000)
  expect(link.sent).toEqual(
    Array(2).fill(expect.objectContaining({ endless: 'beat', delay: 0, connections: 0 })),
  )
})
