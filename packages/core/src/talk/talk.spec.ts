import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { beforeEach, expect, test, vi } from 'vitest'
import type { Word } from '../handover/index.js'
import { arrived } from './arrival.js'
import { Neighbour } from './specs/neighbour.js'
import { Talk } from './talk.js'

const complaints = { warn: vi.fn(), error: vi.fn() }
/** What the handler of `a` was called with. */
let heard: unknown[] = []
const hear = (message: unknown, to?: readonly unknown[]): void =>
  void heard.push(to ? [message, to] : message)

beforeEach(() => {
  heard = []
  vi.clearAllMocks()
})

const word = (n: number, channel = 'a'): Word => ({
  endless: 'said',
  channel,
  text: `${n}`,
  by: 'another',
  n,
})

/** A talk with one before it, and one after it. */
function between(): { talk: Talk; before: Neighbour; after: Neighbour } {
  const [before, after] = [new Neighbour(1), new Neighbour(2)]
  const talk = new Talk(before.predecessor, undefined, complaints)
  return { talk, before, after }
}

test('what is published is handled here at once, by a copy, and told to both sides', () => {
  const { talk, before, after } = between()
  const room = talk.open('a', hear)
  talk.serve()
  talk.join(after.successor)
  const message = { at: new Date(0), none: undefined }
  room.publish(message)
  expect(heard).toEqual([{ at: '1970-01-01T00:00:00.000Z' }])
  const text = JSON.stringify(message)
  expect([before.texts, after.texts]).toEqual([[text], [text]])
})

test('what one side says is handled, and told to the other one alone; also where there is no such channel', async () => {
  const { talk, before, after } = between()
  talk.open('a', hear)
  talk.serve()
  talk.join(after.successor)
  before.says(word(1))
  after.says(word(2), word(3, 'b'))
  await turn()
  expect(heard).toEqual([1, 2])
  expect([before.texts, after.texts]).toEqual([['2', '3'], ['1']])
})

test('nobody else hears what is said before this process serves, nor a successor before it may', () => {
  const { talk, before, after } = between()
  const room = talk.open('a', hear)
  room.publish(1)
  talk.serve()
  talk.join(after.successor)
  room.publish(2)
  expect(heard).toEqual([1, 2])
  expect([before.texts, after.texts]).toEqual([['2'], ['2']])
})

test('acknowledges once a turn what it has handled', async () => {
  const { before } = between()
  before.says(word(1), word(2), word(3))
  await turn()
  await turn()
  expect(before.said).toEqual([{ endless: 'heard', count: 3 }])
})

test('handles in ticks, and counts only what was handled: a client that goes in the same turn has not read it', async () => {
  const { talk, after } = between()
  talk.serve()
  talk.open('a', hear)
  const { successor } = after
  talk.join(successor)
  after.says(word(1))
  expect([heard, talk.heardOf(successor)]).toEqual([[], 0])
  await undefined
  await new Promise<void>((resolve) => process.nextTick(resolve))
  expect([heard, talk.heardOf(successor)]).toEqual([[1], 1])
})

test('a client that comes gets what it was not told in the predecessor, and nobody else does', async () => {
  const { talk, before } = between()
  const room = talk.open('a', hear)
  talk.serve()
  for (const n of [1, 2, 3]) room.publish(n)
  before.says({ endless: 'heard', count: 1 })
  await turn()
  heard = []
  talk.expect(2, false).is('client')
  expect(heard).toEqual([[3, ['client']]])
})

test('an acknowledgement behind the word that a client comes does not take from it what it has missed', async () => {
  const { talk, before } = between()
  const room = talk.open('a', hear)
  talk.serve()
  room.publish(1)
  heard = []
  // As an adoption does it, when `yours` was read.
  process.nextTick(() => talk.expect(0, false).is('client'))
  before.says({ endless: 'heard', count: 1 })
  await turn()
  expect(heard).toEqual([[1, ['client']]])
})

test('one that is there later gets what was said until then as well, from any side, once', async () => {
  const { talk, before } = between()
  const room = talk.open('a', hear)
  talk.serve()
  room.publish(1)
  const socket = new EventEmitter() as Socket
  talk.expect(0, true).comesBy(socket)
  before.says(word(2))
  await turn()
  room.publish(3)
  heard = []
  arrived(socket, 'client')
  arrived(socket, 'client')
  room.publish(4)
  expect(heard).toEqual([[1, ['client']], [2, ['client']], [3, ['client']], 4])
})

test('of one that was closed on its way, and of any other connection, nothing is told', () => {
  const { talk } = between()
  const room = talk.open('a', hear)
  talk.serve()
  room.publish(1)
  heard = []
  const socket = new EventEmitter() as Socket
  talk.expect(0, true).comesBy(socket)
  socket.emit('close')
  arrived(socket, 'client')
  arrived(new EventEmitter() as Socket, 'client')
  expect(heard).toEqual([])
})

test('a predecessor that never acknowledges is told no more, when that is too much; the log says so', () => {
  const { talk, before } = between()
  const room = talk.open('a', () => {})
  talk.serve()
  const text = 'x'.repeat(2 ** 20 - 2)
  for (let n = 0; n < 65; n++) room.publish(text)
  expect(before.said).toHaveLength(64)
  expect(complaints.warn).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/^Process 1 /))
})

test('a handler that throws, or rejects, is logged, and stops nobody', async () => {
  const { talk, before } = between()
  const error = new Error('no')
  const room = talk.open('a', () => {
    throw error
  })
  talk.open('b', async () => Promise.reject(error))
  talk.serve()
  room.publish(1)
  before.says(word(1, 'b'))
  await turn()
  expect(complaints.error.mock.calls).toEqual([
    ['The handler of channel "a" threw', error],
    ['The handler of channel "b" threw', error],
  ])
  expect(before.texts).toEqual(['1'])
})

test('a channel that was closed: its name is free, and nothing more can be said on it', () => {
  const { talk } = between()
  const room = talk.open('a', hear)
  expect(talk.isOpen).toBe(true)
  room.close()
  expect(talk.isOpen).toBe(false)
  expect(() => room.publish(1)).toThrow('channel "a": expected an open channel, received closed')
  const next = talk.open('a', hear)
  room.close()
  next.publish(1)
  expect(heard).toEqual([1])
})

test('one with channels waits, before it leaves, for the one before it: it passes on what that says', async () => {
  const { talk, before } = between()
  const order: string[] = []
  talk.open('a', hear)
  const finished = talk.finished().then(() => order.push('finished'))
  await turn()
  order.push('gone')
  before.leave()
  await finished
  expect(order).toEqual(['gone', 'finished'])
  // Without any there is nothing to wait for.
  await between().talk.finished()
})
