import { expect, test } from 'vitest'
import { Window } from './window.js'

test('is the end of all that was added, 32 KiB at most', () => {
  const window = new Window(undefined)
  const all: Buffer[] = []
  for (let n = 1; n < 400; n++) {
    const part = Buffer.alloc((n * 37) % 4_000, n)
    all.push(part)
    window.add(part)
    if (n % 50 === 0)
      expect(window.bytes.equals(Buffer.concat(all).subarray(-32 * 1024))).toBe(true)
  }
  expect(window.bytes.equals(Buffer.concat(all).subarray(-32 * 1024))).toBe(true)
})

test('of something larger than it is, the end', () => {
  const window = new Window(Buffer.from('before'))
  const large = Buffer.from(Array.from({ length: 100_000 }, (_, n) => n % 251))
  window.add(large)
  expect(window.bytes.equals(large.subarray(-32 * 1024))).toBe(true)
})

test('goes on from what it was', () => {
  const window = new Window(Buffer.from('was '))
  window.add(Buffer.from('is'))
  expect(String(window.bytes)).toBe('was is')
})

test('is not what the app makes of it', () => {
  const window = new Window(undefined)
  const message = Buffer.from('abc')
  window.add(message)
  message.fill('x')
  expect(String(window.bytes)).toBe('abc')
})
