import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Slot } from './slot.js'
import { FakeWorker } from './specs/fakes.js'
import type { Takeover } from './takeover.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

/** Two workers: the second one has taken over. */
function switched() {
  const slot = new Slot(0)
  const [old, heir] = [new FakeWorker(1), new FakeWorker(2)]
  for (const one of [old, heir]) slot.join(one.worker)
  slot.current = old.worker
  slot.takeover = { old, heir, isOver: false } as unknown as Takeover
  slot.handOver(heir.worker)
  const end = async (): Promise<void> => {
    for (const one of [old, heir]) one.exit()
    await Promise.resolve()
  }
  return { slot, old, heir, end }
}

describe('a worker that leaves', () => {
  test('is killed when that takes longer than its hammer', async () => {
    const { old, end } = switched()
    expect(old.state).toBe('draining')
    vi.advanceTimersByTime(69_999)
    expect(old.signals).toEqual([])
    vi.advanceTimersByTime(1)
    expect(old.signals).toEqual(['SIGKILL'])
    await end()
  })

  test('and comes back has all its time when it leaves again', async () => {
    const { slot, old, end } = switched()
    slot.takeBack(old.worker)
    vi.advanceTimersByTime(65_000)
    slot.handOver(new FakeWorker(3).worker)
    vi.advanceTimersByTime(65_000)
    expect(old.signals).toEqual([])
    await end()
  })

  test('and is told to stop meanwhile does not come back', async () => {
    const { slot, old, heir, end } = switched()
    slot.stop(old.worker)
    slot.takeBack(old.worker)
    expect([slot.current, old.state]).toEqual([heir.worker, 'draining'])
    await end()
  })
})

test('one that is taken back from is told to stop, once', async () => {
  const { slot, old, heir, end } = switched()
  slot.takeBack(old.worker)
  slot.signal(heir.pid, 'SIGTERM')
  expect([slot.current, old.state, heir.heard]).toEqual([old.worker, 'serving', ['stop']])
  slot.signal(heir.pid, 'SIGKILL')
  expect(heir.signals).toEqual(['SIGKILL'])
  await end()
})

test('is occupied while somebody serves, or can do so again', async () => {
  const { slot, heir, old, end } = switched()
  expect([slot.isOccupied, slot.isOnProbation(heir.worker)]).toEqual([true, true])
  heir.exit()
  await heir.exited
  expect([slot.isOccupied, slot.living.has(heir.worker)]).toEqual([true, false])
  slot.takeover = { old, heir, isOver: true } as unknown as Takeover
  expect([slot.isOccupied, slot.isOnProbation(heir.worker)]).toEqual([false, false])
  await end()
})
