import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Fleet } from './fleet.js'
import type { Slot } from './slot.js'
import { FakeWorker } from './specs/fakes.js'
import { Voice } from './voice.js'
import { type Limits, Watch } from './watch.js'

const logger = { info: vi.fn(), debug: vi.fn(), warn: vi.fn(), error: vi.fn() }
const renew = vi.fn(async () => {})

let watch: Watch | undefined
let workers: FakeWorker[]
let fleet: { state: string; slots: Slot[]; renew: typeof renew }

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
  renew.mockClear()
  workers = [new FakeWorker(1, 0), new FakeWorker(2, 1)]
  const slots = workers.map(({ worker }, index) => ({ index, current: worker }) as unknown as Slot)
  fleet = { state: 'serving', slots, renew }
})
afterEach(() => {
  watch?.stop()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

function look(limits: Limits, seconds = 1): void {
  watch = new Watch(fleet as unknown as Fleet, limits, new Voice(logger))
  for (let n = 0; n < seconds; n++) vi.advanceTimersByTime(1_000)
}

function beat(which: number, facts: object): void {
  const worker = workers[which]
  if (worker) worker.beat = { rss: 0, delay: 0, connections: 0, inFlight: 0, requests: 0, ...facts }
}

test.each([
  ['memory', { maxMemory: 100 }, { rss: 101 }],
  ['requests', { maxRequests: 100 }, { requests: 111 }],
])('one with too much %s is renewed', (_, limits, facts) => {
  beat(1, facts)
  look(limits)
  expect(renew.mock.calls).toEqual([[fleet.slots[1]]])
})

test('one that is old is, up to a tenth later than it might', () => {
  for (const one of workers) one.age = 100
  look({ maxAge: 100 })
  expect(renew).not.toHaveBeenCalled()
  for (const one of workers) one.age = 111
  vi.advanceTimersByTime(1_000)
  expect(renew).toHaveBeenCalledTimes(1)
})

test('nobody is while a reload is under way, or without limits', () => {
  beat(0, { rss: 101, requests: 1_000 })
  look({}, 2)
  watch?.stop()
  fleet.state = 'reloading'
  look({ maxMemory: 100 }, 2)
  expect(renew).not.toHaveBeenCalled()
})

test('one that is silent for too long is killed, in a reload too', () => {
  fleet.state = 'reloading'
  const [first, second] = workers
  if (first) first.silence = 3_000
  if (second) second.silence = 2_999
  look({ hangTimeout: 2_000 })
  expect([first?.signals, second?.signals]).toEqual([['SIGKILL'], []])
})

test('but not when it was this process that stood still', () => {
  look({ hangTimeout: 2_000 })
  for (const one of workers) one.silence = 60_000
  // Time goes by, and no timer runs.
  const now = performance.now()
  vi.spyOn(performance, 'now').mockReturnValue(now + 60_000)
  vi.advanceTimersByTime(1_000)
  expect(workers.flatMap(({ signals }) => signals)).toEqual([])
  vi.mocked(performance.now).mockReturnValue(now + 61_000)
  vi.advanceTimersByTime(1_000)
  expect(workers.flatMap(({ signals }) => signals)).toEqual(['SIGKILL', 'SIGKILL'])
  vi.mocked(performance.now).mockRestore()
})
