import { expect, test, vi } from 'vitest'
import { EndlessError } from './errors.js'

test('the errors of another copy of the package are ours, too', async () => {
  vi.resetModules()
  const copy = await import('./errors.js')
  expect(copy.EndlessError).not.toBe(EndlessError)
  const [ours, theirs] = [EndlessError, copy.EndlessError].map(
    (one) => new one('ERR_ENDLESS_HOOK', 'why', { cause: 7 }),
  )
  const known = [ours, theirs].flatMap((error) =>
    [EndlessError, copy.EndlessError].map((one) => error instanceof one),
  )
  expect(known).toEqual([true, true, true, true])
  expect(theirs).toMatchObject({ code: 'ERR_ENDLESS_HOOK', message: 'why', cause: 7 })
})

test.each([
  [new Error('other')],
  [Object.assign(new Error('alike'), { code: 'ERR_ENDLESS_HOOK', name: 'EndlessError' })],
  [{}],
  ['ERR_ENDLESS_HOOK'],
  [null],
  [undefined],
])('%s is none', (value) => {
  expect(value instanceof EndlessError).toBe(false)
})

test('a class that an app derives from it has only its own', () => {
  class Mine extends EndlessError {}
  const mine = new Mine('ERR_ENDLESS_HOOK', 'why')
  expect([mine instanceof Mine, mine instanceof EndlessError]).toEqual([true, true])
  expect(new EndlessError('ERR_ENDLESS_HOOK', 'why') instanceof Mine).toBe(false)
})

test('what is printed shows nothing of the mark', () => {
  const error = new EndlessError('ERR_ENDLESS_HOOK', 'why')
  expect(Object.keys(error)).toEqual(['code', 'name'])
  expect({ ...error }).toEqual({ name: 'EndlessError', code: 'ERR_ENDLESS_HOOK' })
})
