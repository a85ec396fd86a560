import { expect, test } from 'vitest'
import { LastWords } from './lastwords.js'

const said = (...texts: string[]): string => {
  const words = new LastWords()
  for (const text of texts) words.hear(text)
  return String(words)
}

test('nothing where nothing was said', () => {
  expect(said()).toBe('')
  expect(said('\n', '  \n')).toBe('')
})

test('lines, however they were cut', () => {
  expect(said('Err', 'or: boom\n  at', ' a.js\n', 'end')).toBe(
    '; its last stderr lines:\n  | Error: boom\n  |   at a.js\n  | end',
  )
})

test('the last 20 of many', () => {
  const lines = said(Array.from({ length: 50 }, (_, n) => `line ${n}\n`).join('')).split('\n')
  expect(lines).toHaveLength(21)
  expect(lines.slice(1, 2).concat(lines.slice(-1))).toEqual(['  | line 30', '  | line 49'])
})
