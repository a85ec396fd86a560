import { describe, expect, test } from 'vitest'
import { type Asked, isPath, nameOf, nameOfBound, show } from './address.js'

const tcp = (address: string | null, port: number | null): Asked => ({ address, port })
const path = (address: string): Asked => ({ address, port: -1 })
const bound = (address: string, port: number) => ({ address, port, family: 'any' })

describe('a listener is named by what was asked for', () => {
  test.each([
    [tcp(null, 8000), 'tcp:*:8000'],
    [tcp('', 8000), 'tcp:*:8000'],
    [tcp('::', 8000), 'tcp:*:8000'],
    [tcp('0.0.0.0', 8000), 'tcp:0.0.0.0:8000'],
    [tcp('127.0.0.1', 0), 'tcp:127.0.0.1:0'],
    [tcp('::1', 8000), 'tcp:[::1]:8000'],
    [tcp(null, null), 'tcp:*:0'],
    [path('/run/app.sock'), 'unix:/run/app.sock'],
    [path('app.sock'), 'unix:app.sock'],
    [path('\0app'), 'unix:@app'],
    [{ address: null, port: null, fd: 3 }, 'fd:3'],
    [{ address: null, port: 8000, fd: 0 }, 'fd:0'],
    [{ address: null, port: 8000, fd: -1 }, 'tcp:*:8000'],
    [{ address: null, port: 8000, fd: undefined }, 'tcp:*:8000'],
  ])('%j is %s', (asked, name) => {
    expect(nameOf(asked)).toBe(name)
  })
})

describe('a bound address has the name it would have been asked for by', () => {
  test.each([
    [bound('::', 8000), tcp(null, 8000)],
    [bound('0.0.0.0', 8000), tcp('0.0.0.0', 8000)],
    [bound('127.0.0.1', 8000), tcp('127.0.0.1', 8000)],
    [bound('::1', 8000), tcp('::1', 8000)],
    ['/run/app.sock', path('/run/app.sock')],
    ['\0app', path('\0app')],
  ])('%j', (address, asked) => {
    expect(nameOfBound(address)).toBe(nameOf(asked))
  })
})

test('only a string with port -1 is a path', () => {
  expect(isPath(path('/a'))).toBe(true)
  expect(isPath(tcp('127.0.0.1', 80))).toBe(false)
  expect(isPath(tcp(null, -1))).toBe(false)
})

test.each([
  [bound('127.0.0.1', 8000), '127.0.0.1:8000'],
  [bound('::', 8000), '[::]:8000'],
  ['/run/app.sock', '/run/app.sock'],
])('%j is shown as %s', (address, text) => {
  expect(show(address)).toBe(text)
})
