import { describe, expect, test } from 'vitest'
import { EndlessError } from '../errors.js'
import { thrownBy } from '../node/specs/thrown.js'
import { decodeHandover, encodeHandover, type Handover } from './handover.js'

const handover: Handover = {
  generation: 3,
  predecessor: 4711,
  listeners: [
    {
      name: 'tcp:*:8000',
      fd: 4,
      bound: { address: '::', family: 'IPv6', port: 8000 },
      activated: false,
    },
    { name: 'unix:/run/ä.sock', fd: 5, bound: '/run/ä.sock', activated: false, inode: 17 },
    { name: 'unix:@app', fd: 6, bound: '\0app', activated: true, alias: 'web' },
  ],
  files: [{ name: 'metrics', fd: 7 }],
}

test('what was encoded is decoded, and nothing more', () => {
  expect(decodeHandover(encodeHandover(handover))).toEqual(handover)
  const empty = { generation: 0, predecessor: 1, listeners: [], files: [] }
  expect(decodeHandover(encodeHandover(empty))).toEqual(empty)
})

test('it fits into an environment variable: no NUL, one line', () => {
  expect(encodeHandover(handover)).not.toMatch(/[\0\n]/)
})

describe('a strange value is ERR_ENDLESS_HANDOVER', () => {
  const { generation, predecessor, listeners, files } = handover
  const whole = { version: 1, generation, predecessor, listeners, files }

  test.each([
    ['', 'not JSON'],
    ['nonsense', 'not JSON'],
    [encodeHandover(handover).slice(0, -1), 'not JSON'],
    ['null', 'parts are missing'],
    ['7', 'parts are missing'],
    ['"text"', 'parts are missing'],
    ['[]', 'parts are missing'],
    ['{}', 'parts are missing'],
    ...Object.keys(handover).map((part) => [
      JSON.stringify({ ...whole, [part]: undefined }),
      'parts are missing',
    ]),
    [JSON.stringify({ ...whole, listeners: {} }), 'parts are missing'],
    [JSON.stringify({ ...whole, files: 'none' }), 'parts are missing'],
    [JSON.stringify({ ...whole, generation: 1.5 }), 'parts are missing'],
    [JSON.stringify({ ...whole, predecessor: '4711' }), 'parts are missing'],
    [JSON.stringify({ ...whole, version: 2 }), 'expected version 1, received 2'],
    [JSON.stringify({ ...whole, version: undefined }), ''],
  ])('%s', (text, why) => {
    const error = thrownBy(() => decodeHandover(text ?? ''))
    expect(error).toBeInstanceOf(EndlessError)
    expect(error).toMatchObject({
      code: 'ERR_ENDLESS_HANDOVER',
      message: expect.stringMatching(new RegExp(`^cannot read ENDLESS_HANDOVER.*${why}`)),
    })
  })

  test('bad JSON comes with its cause', () => {
    expect(thrownBy(() => decodeHandover('{'))).toMatchObject({ cause: expect.any(SyntaxError) })
  })

  test('another version is named as such, whatever its shape', () => {
    expect(thrownBy(() => decodeHandover('{"version":2,"sockets":[]}'))).toMatchObject({
      message: expect.stringContaining('expected version 1, received 2'),
    })
  })
})
