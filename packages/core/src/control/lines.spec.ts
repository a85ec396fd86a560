import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { Lines } from './lines.js'

function cut(limit: number, ...chunks: string[]): (string | undefined)[] {
  const lines = new Lines(limit)
  return chunks.flatMap((chunk) => lines.push(Buffer.from(chunk)))
}

test('lines come when they are whole, however they were sent', () => {
  expect(cut(10, 'a\nb\n\nc', 'd', '\n', 'e')).toEqual(['a', 'b', '', 'cd'])
})

test('a line may be as long as the limit, and not a byte longer', () => {
  expect(cut(3, 'abc\nabcd\nabc\n')).toEqual(['abc', undefined, 'abc'])
  expect(cut(3, 'ab', 'c', '\n', 'ab', 'cd', '\n')).toEqual(['abc', undefined])
})

test('after a line that was too long all is as before, and nothing of it is kept', () => {
  expect(cut(3, 'abcd', 'x'.repeat(1_000), 'y', '\nz\n')).toEqual([undefined, 'z'])
})

test('of a line that is too long it lets go at once, whether or not it ever ends', async () => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const lines = new Lines(64)
  const pushed = (): WeakRef<ArrayBufferLike> => {
    // Bigger than what Node cuts out of its pool.
    const chunk = Buffer.alloc(100_000, 'x')
    lines.push(chunk)
    return new WeakRef(chunk.buffer)
  }
  const sent = pushed()
  // A reference that was looked at lives until the end of its turn.
  await nextTurn()
  collect()
  expect(sent.deref()).toBeUndefined()
  expect(lines.push(Buffer.from('\n'))).toEqual([undefined])
})

test('a character in two pieces is whole again', () => {
  const bytes = Buffer.from('ä\n')
  const lines = new Lines(9)
  expect([...bytes].flatMap((byte) => lines.push(Buffer.from([byte])))).toEqual(['ä'])
})
