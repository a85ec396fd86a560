import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { hooksIn } from './hooksfile.js'

let directory = ''

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'endless-hooks-'))
})

afterEach(() => rmSync(directory, { recursive: true }))

function write(name: string, text: string): string {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}

test.each([
  ['a.cjs', 'module.exports = { onExit() {}, workers: 4, hooks: { pre: {} } }'],
  ['a.mjs', 'export default { onExit() {}, workers: 4, hooks: { pre: {} } }'],
])('%s: the hooks alone', (name, text) => {
  const { onExit, hooks, beforeReady, ...others } = hooksIn(write(name, text))
  expect([typeof onExit, hooks, beforeReady]).toEqual(['function', { pre: {} }, undefined])
  expect(others).not.toHaveProperty('workers')
})

test.each([
  ['a.cjs', 'module.exports = { onExit: 7 }', /option "onExit": expected a function, received 7/],
  ['a.cjs', 'throw new Error("boom")', /boom/],
  ['a.mjs', 'export default await {}', /no top-level await/],
])('refused with its path: %s with %s', (name, text, message) => {
  const path = write(name, text)
  expect(() => hooksIn(path)).toThrow(
    expect.objectContaining({
      code: 'ERR_ENDLESS_OPTION',
      message: expect.stringContaining(path),
    }),
  )
  expect(() => hooksIn(path)).toThrow(message)
})

test('a file that is not there is refused: its hooks were wanted', () => {
  expect(() => hooksIn(join(directory, 'gone.cjs'))).toThrow(/gone\.cjs/)
})
