import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { EndlessError } from '../errors.js'
import type { Parcel, Successor } from '../handover/index.js'
import { FakeChannel } from './specs/fakechannel.js'
import { Supervisor } from './supervisor.js'

const opened = new Map<number, FakeChannel>()
vi.mock(import('../node/index.js'), async (load) => ({
  ...(await load()),
  openChannel: (fd: number) => opened.get(fd)?.channel,
}))

const plan = { command: 'node', args: [], cwd: '/', env: {} }
const past = { moved: 0, drained: 0, cut: 0, failed: 0 }
const parcel: Parcel = { generation: 1, listeners: [], files: [], elders: [], lanes: 0, past }
const readyTimeout = 5_000

let link: FakeChannel
let supervisor: Supervisor

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  opened.clear()
  link = new FakeChannel()
  supervisor = new Supervisor({ pid: 1, slot: 0, nonce: 'n', fd: 3 }, link.channel)
})

afterEach(() => {
  vi.useRealTimers()
})

/** Begins to; as many pipes come as it says. */
function begin(pipes: number): Promise<Successor> {
  const started = supervisor.startSuccessor(7, plan, parcel, readyTimeout)
  started.catch(() => {})
  for (let fd = 10; fd < 10 + pipes; fd++) {
    opened.set(fd, new FakeChannel())
    link.passes({ endless: 'pipe', id: 7 }, { fd })
  }
  return started
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'settled',
    (error: EndlessError) => error.code,
  )

describe('a successor', () => {
  test('is spawned by the supervisor', async () => {
    const started = begin(2)
    expect(link.sent).toEqual([{ endless: 'spawn', id: 7, plan, generation: 1, lanes: 0 }])
    link.says({ endless: 'spawned', id: 7, pid: 99 })
    expect((await started).pid).toBe(99)
  })

  test('whose end is told in the same breath as its birth is gone', async () => {
    const started = begin(2)
    link.says(
      { endless: 'spawned', id: 7, pid: 99 },
      { endless: 'exited', pid: 99, code: 1, signal: null },
    )
    const successor = await started
    for (const one of opened.values()) one.close()
    expect(await successor.exited).toEqual({ code: 1, signal: null })
    expect(await codeOf(successor.ready)).toBe('ERR_ENDLESS_SUCCESSOR_EXITED')
  })

  test('whose pipes got lost is killed, and the others closed', async () => {
    const started = begin(1)
    link.passes({ endless: 'pipe', id: 7 }, undefined)
    link.says({ endless: 'spawned', id: 7, pid: 99 })
    await expect(started).rejects.toThrow(/expected 2 pipes.*received 1/)
    expect(link.sent.at(-1)).toEqual({ endless: 'signal', pid: 99, signal: 'SIGKILL' })
    expect(opened.get(10)?.isOpen).toBe(false)
  })

  test('that could not be spawned', async () => {
    const started = begin(0)
    link.says({ endless: 'notSpawned', id: 7, message: 'ENOENT' })
    await expect(started).rejects.toThrow('ENOENT')
  })

  test('waits for the others, and is told that they failed', async () => {
    const orders: string[] = []
    supervisor.onOrder(({ endless }) => void orders.push(endless))
    const started = begin(2)
    link.says({ endless: 'spawned', id: 7, pid: 99 })
    const { ready } = await started
    opened.get(10)?.says({ endless: 'ready' })
    await vi.waitFor(() => expect(link.sent.at(-1)).toEqual({ endless: 'ready', id: 7 }))
    link.says({ endless: 'apart', id: 7, why: 'another one' })
    await expect(ready).rejects.toThrow('another one')
    expect(orders).toEqual(['apart'])
  })
})

describe('a supervisor that goes', () => {
  test('leaves nobody waiting, whoever asks before or after', async () => {
    const before = [codeOf(supervisor.wish('upgrade')), codeOf(begin(0))]
    link.close()
    expect(await Promise.all(before)).toEqual(Array(2).fill('ERR_ENDLESS_UNSUPPORTED'))
    const after = [codeOf(supervisor.wish('shutdown')), codeOf(begin(0))]
    expect(await Promise.all(after)).toEqual(Array(2).fill('ERR_ENDLESS_UNSUPPORTED'))
  })
})

test('wishes are granted, or refused with a code; the second one says so', async () => {
  const first = supervisor.wish('shutdown')
  const second = codeOf(supervisor.wish('shutdown'))
  expect(link.sent).toEqual([
    { endless: 'wish', id: 0, wish: 'shutdown', again: false },
    { endless: 'wish', id: 1, wish: 'shutdown', again: true },
  ])
  link.says(
    { endless: 'granted', id: 1, refused: { code: 'ERR_ENDLESS_DRAINING', message: 'ends' } },
    { endless: 'granted', id: 0 },
  )
  await first
  expect(await second).toBe('ERR_ENDLESS_DRAINING')
})

test('pipes to another worker go with what they are for', () => {
  const ends: number[] = []
  supervisor.onOrder((_, channels) => void ends.push(channels.length))
  for (const fd of [20, 21, 22]) {
    opened.set(fd, new FakeChannel())
    link.passes({ endless: 'pipe', id: 9 }, { fd })
  }
  link.says({ endless: 'take', id: 9 }, { endless: 'take', id: 9 })
  expect(ends).toEqual([3, 0])
})
