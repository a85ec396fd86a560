import type { EndlessError } from '@endlessjs/core/fleet'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeWorker, fakeRelease } from './specs/fakes.js'
import { Takeover } from './takeover.js'

const release = fakeRelease('new')
const late = 15_000

let old: FakeWorker
let heir: FakeWorker
let takeover: Takeover
let id: number
const stop = vi.fn()

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  stop.mockClear()
  old = new FakeWorker(1)
  heir = new FakeWorker(2)
  takeover = new Takeover(old.worker, release, stop)
  takeover.heir = heir.worker
  id = takeover.id
})
afterEach(async () => {
  old.exit()
  await old.exited
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

const outcome = (promise: Promise<void>): Promise<string> =>
  promise.then(
    () => 'settled',
    (error: EndlessError) => error.code,
  )
const all = (): Promise<string[]> =>
  Promise.all([takeover.ready, takeover.served, takeover.proved].map(outcome))

function serve(): void {
  takeover.hear({ endless: 'ready', id })
  takeover.commit()
  takeover.hear({ endless: 'upgraded', id, pid: 2 })
}

test('starts, goes, serves, has proved itself', async () => {
  expect(old.told[0]).toMatchObject({ endless: 'upgrade', id })
  serve()
  takeover.hear({ endless: 'proved' })
  expect(await all()).toEqual(['settled', 'settled', 'settled'])
  expect([takeover.isProved, takeover.isOver, old.heard]).toEqual([
    true,
    true,
    ['upgrade', 'together'],
  ])
})

describe('time', () => {
  test('is up for one that is not ready', async () => {
    vi.advanceTimersByTime(late)
    expect(await outcome(takeover.ready)).toBe('ERR_ENDLESS_READY_TIMEOUT')
    expect(old.heard).toEqual(['upgrade', 'apart'])
    await takeover.returned
  })

  test('is not up for one that is ready, and waits for others', () => {
    takeover.hear({ endless: 'ready', id })
    vi.advanceTimersByTime(10 * late)
    expect(takeover.isOver).toBe(false)
  })

  test('is up for one that is told to go, and does not', async () => {
    takeover.hear({ endless: 'ready', id })
    takeover.commit()
    vi.advanceTimersByTime(late)
    expect(await outcome(takeover.served)).toBe('ERR_ENDLESS_READY_TIMEOUT')
  })

  test('was up, and it has gone all the same: it comes back', () => {
    vi.advanceTimersByTime(late)
    takeover.hear({ endless: 'upgraded', id, pid: 2 })
    expect(old.heard.at(-1)).toBe('takeBack')
    expect(takeover.isOver).toBe(true)
  })
})

describe('abandoned', () => {
  test('on probation: it comes back', () => {
    serve()
    takeover.abandon('why')
    expect(old.told.at(-1)).toEqual({ endless: 'takeBack', why: 'why' })
  })

  test('before it serves: no successor', async () => {
    takeover.abandon('why')
    expect(old.told.at(-1)).toEqual({ endless: 'apart', id, why: 'why' })
    takeover.hear({ endless: 'failed', id, code: 'ERR_ENDLESS_STOPPED', message: 'why' })
    await takeover.returned
  })

  test('when it serves, and on its way there: it comes back', async () => {
    takeover.hear({ endless: 'ready', id })
    takeover.commit()
    takeover.abandon('why')
    takeover.hear({ endless: 'upgraded', id, pid: 2 })
    expect(old.heard.slice(-2)).toEqual(['apart', 'takeBack'])
    takeover.hear({ endless: 'proved' })
    expect(takeover.isProved).toBe(false)
    takeover.hear({ endless: 'revived', message: 'back' })
    await takeover.returned
    expect(await outcome(takeover.proved)).toBe('ERR_ENDLESS_PROBATION')
  })
})

test('what is said of an upgrade before this one is not about this one', () => {
  takeover.hear({ endless: 'failed', id: id - 1, code: 'ERR_ENDLESS_STOPPED', message: '' })
  takeover.hear({ endless: 'upgraded', id: id - 1, pid: 2 })
  expect(takeover.isOver).toBe(false)
})

describe('the old one dies', () => {
  test('before its successor serves: nobody is left who would end that', async () => {
    takeover.hear({ endless: 'ready', id })
    old.exit({ code: null, signal: 'SIGKILL' })
    await takeover.returned
    expect(stop).toHaveBeenCalledExactlyOnceWith(heir.worker)
    takeover.commit()
    expect([takeover.isOver, old.heard]).toEqual([true, ['upgrade']])
  })

  test('after it was given up: the same', async () => {
    vi.advanceTimersByTime(late)
    old.exit({ code: null, signal: 'SIGKILL' })
    await old.exited
    await Promise.resolve()
    expect(stop).toHaveBeenCalledExactlyOnceWith(heir.worker)
  })

  test('on probation: its successor stays, whatever was to become of it', async () => {
    serve()
    takeover.abandon('why')
    old.exit()
    await takeover.returned
    expect([takeover.isProved, stop.mock.calls]).toEqual([true, []])
  })
})
