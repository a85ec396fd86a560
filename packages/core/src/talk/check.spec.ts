import { expect, test } from 'vitest'
import { Neighbour } from './specs/neighbour.js'
import { Talk } from './talk.js'

const complaints = { warn: () => {}, error: () => {} }
let heard: unknown[] = []
const hear = (message: unknown): void => void heard.push(message)

function between(): { talk: Talk; before: Neighbour } {
  heard = []
  const before = new Neighbour(1)
  return { talk: new Talk(before.predecessor, undefined, complaints), before }
}

test.each([
  ['', /^channel\(\): expected a name of 1 to 256 characters, received 0$/],
  ['x'.repeat(257), /received 257$/],
  [undefined, /received undefined$/],
  ['taken', /^channel "taken": expected a name of its own, received one that is open$/],
])('a bad name: %s', (name, message) => {
  const { talk } = between()
  talk.open('taken', hear)
  const opens = (): unknown => talk.open(name as string, hear)
  expect(opens).toThrow(message)
  expect(opens).toThrow(expect.objectContaining({ code: 'ERR_ENDLESS_OPTION' }))
})

test('a handler that is no function', () => {
  const { talk } = between()
  expect(() => talk.open('a', 1 as never)).toThrow(
    'channel "a": expected a function that handles messages, received number',
  )
})

const circle: unknown[] = []
circle.push(circle)

test.each([
  [undefined, /received undefined$/],
  [() => {}, /received function$/],
  [1n, /BigInt/],
  [circle, /circular/],
  [
    'x'.repeat(2 ** 20 - 1),
    /expected a message of at most 1048576 bytes of JSON, received 1048577$/,
  ],
])('a message that cannot be told: %s', (message, why) => {
  const { talk, before } = between()
  const room = talk.open('a', hear)
  talk.serve()
  expect(() => room.publish(message)).toThrow(why)
  expect(() => room.publish(message)).toThrow(
    expect.objectContaining({ code: 'ERR_ENDLESS_OPTION' }),
  )
  expect([heard, before.said]).toEqual([[], []])
})
