import type { Upgrader } from '@endlessjs/core'
import { testUpgrader } from '@endlessjs/core/testing'
import { expect, test, vi } from 'vitest'
import { type Asked, Inquiry } from './inquiry.js'
import { Members, type News } from './members.js'
import type { Question } from './question.js'

const fetching: Asked = { kind: 'fetch', nsp: '/', rooms: [], except: [] }

/** Processes that hear each other, each from when it is made. */
function made() {
  const all: Members[] = []
  const begin = (upgrader: Upgrader = testUpgrader()): Members => {
    const one: Members = new Members((news: News) => {
      for (const other of [...all]) other.hear(one.me, news)
    })
    all.push(one)
    one.begin(upgrader)
    return one
  }
  return { all, begin }
}

function asking(members: Members, about: Asked = fetching) {
  const sent: Question[] = []
  const found: unknown[] = []
  const inquiry = new Inquiry(
    members,
    about,
    (question) => void sent.push(question),
    (value) => void found.push(value),
  )
  const answer = (by: string, n: number, what: object = {}): void =>
    inquiry.hear(by, [by], {
      id: sent[n]?.id ?? '',
      to: members.me,
      parcels: [],
      more: false,
      moves: false,
      ...what,
    })
  return { inquiry, sent, found, answer }
}

test('each knows all that were there before it, and all that come', () => {
  const { begin } = made()
  const [a, b, c] = [begin(), begin(), begin()]
  expect([new Set(a.others), new Set(b.others), new Set(c.others)]).toEqual([
    new Set([b.me, c.me]),
    new Set([a.me, c.me]),
    new Set([a.me, b.me]),
  ])
  expect([b.settled, c.settled]).toEqual([undefined, undefined])
  b.close()
  expect([a.others, c.others]).toEqual([[c.me], [a.me]])
})

test('a list that comes late brings nobody back who has said goodbye', () => {
  const { begin } = made()
  const [a, b, c] = [begin(), begin(), begin()]
  a.close()
  c.hear(b.me, { here: [c.me, [b.me, a.me]] })
  c.hear(a.me, {})
  expect(c.others).toEqual([b.me])
})

test('one that does not serve yet says nothing, and knows who comes', () => {
  const { begin } = made()
  const early = begin({ ...testUpgrader(), state: 'starting' })
  const one = begin()
  expect([early.others, one.others]).toEqual([[one.me], []])
  expect(early.settled).toBeUndefined()
})

test('who hears nothing for a second is alone', async () => {
  vi.useFakeTimers()
  const { begin } = made()
  const one = begin()
  const { inquiry, sent, answer } = asking(one)
  const asked = inquiry.ask(5_000)
  expect(sent).toHaveLength(1)
  answer(one.me, 0)
  await vi.advanceTimersByTimeAsync(999)
  expect(sent).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  // Somebody may have been there.
  expect(sent).toMatchObject([{ kind: 'fetch' }, { kind: 'none' }])
  answer(one.me, 1)
  await asked
  vi.useRealTimers()
})

test('all are asked at once, and waited for, with all that they say', async () => {
  const { begin } = made()
  const [a, b] = [begin(), begin()]
  const { inquiry, sent, found, answer } = asking(b)
  const asked = inquiry.ask(5_000)
  expect(sent).toHaveLength(1)
  answer(b.me, 0)
  answer(a.me, 0, { more: true })
  answer(a.me, 0)
  await asked
  expect([sent.length, found]).toEqual([1, [b.me, a.me, a.me]])
})

test('where clients move away from one, all are asked once more', async () => {
  const { begin } = made()
  const [a, b] = [begin(), begin()]
  const { inquiry, sent, found, answer } = asking(b)
  const asked = inquiry.ask(5_000)
  answer(b.me, 0)
  answer(a.me, 0, { moves: true })
  await vi.waitFor(() => expect(sent).toMatchObject([{ kind: 'fetch' }, { kind: 'none' }]))
  answer(b.me, 1)
  // What comes late for the first one.
  answer('late', 0, { more: true })
  answer(a.me, 1)
  await asked
  expect(found).toContain('late')
})

test('who leaves meanwhile is waited for no more', async () => {
  const { begin } = made()
  const [a, b] = [begin(), begin()]
  const { inquiry, answer } = asking(b)
  const asked = inquiry.ask(5_000)
  answer(b.me, 0)
  a.close()
  await asked
})

test('who is silent for five seconds is asked no more, until it says something', async () => {
  vi.useFakeTimers()
  const { all, begin } = made()
  const [a, b] = [begin(), begin()]
  all.splice(0)
  vi.advanceTimersByTime(1)
  const { inquiry, answer } = asking(b)
  const late = expect(inquiry.ask(2_000)).rejects.toThrow(
    /^timeout reached: only 1 responses received out of 2, none of \d+$/,
  )
  answer(b.me, 0)
  await vi.advanceTimersByTimeAsync(2_000)
  await late
  await vi.advanceTimersByTimeAsync(2_999)
  expect(b.others).toEqual([a.me])
  await vi.advanceTimersByTimeAsync(1)
  expect(b.others).toEqual([])
  b.hear(a.me, {})
  expect(b.others).toEqual([a.me])
  vi.useRealTimers()
})

test('who cannot say its answer fails the question', async () => {
  const { begin } = made()
  const [a, b] = [begin(), begin()]
  const { inquiry, answer } = asking(b)
  const failed = expect(inquiry.ask(5_000)).rejects.toThrow('too much')
  answer(a.me, 0, { failed: 'too much' })
  await failed
})

test('what is emitted is asked of all others, once', async () => {
  const { begin } = made()
  const [a, b] = [begin(), begin()]
  const { inquiry, sent, found, answer } = asking(b, { ...fetching, kind: 'emit' })
  const asked = inquiry.ask(5_000)
  expect(sent).toHaveLength(1)
  answer(a.me, 0, { moves: true })
  await asked
  expect([sent.length, found]).toEqual([1, [a.me]])
})
