import { format } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { silentLogger, stderrLogger } from './logger.js'

beforeEach(() => {
  vi.useFakeTimers({ now: new Date(2024, 0, 2, 3, 4, 5), toFake: ['Date'] })
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const head = `2024/01/02 03:04:05 ${process.pid}`

function lineOf(fields: object, message: string): string {
  const write = vi.fn<(line: string) => void>()
  stderrLogger(write).error(fields, message)
  expect(write).toHaveBeenCalledOnce()
  return write.mock.calls.join('')
}

describe("a line is one of Go's endless", () => {
  test('date, time, pid, message', () => {
    expect(lineOf({}, 'Received SIGHUP. Upgrading.')).toBe(`${head} Received SIGHUP. Upgrading.`)
  })

  test('every part of the date has two digits, and is local time', () => {
    vi.setSystemTime(new Date(2025, 10, 12, 13, 14, 15))
    expect(lineOf({}, 'x')).toBe(`2025/11/12 13:14:15 ${process.pid} x`)
  })

  test('the error follows, cause by cause', () => {
    const err = new Error('a', { cause: new TypeError('b', { cause: 'c' }) })
    expect(lineOf({ err }, 'Upgrade failed')).toBe(`${head} Upgrade failed: a: b: c`)
  })

  test.each([
    [undefined, ''],
    [null, ''],
    ['text', ': text'],
    [7, ': 7'],
  ])('err may be %s', (err, text) => {
    expect(lineOf({ err }, 'x')).toBe(`${head} x${text}`)
  })

  test('other fields are not shown', () => {
    expect(lineOf({ pid: 1, generation: 2, requests: ['a'] }, 'x')).toBe(`${head} x`)
  })

  test('a circle of causes ends', () => {
    const one = new Error('a')
    one.cause = new Error('b', { cause: one })
    expect(lineOf({ err: one }, 'x')).toBe(`${head} x: a: b`)
  })
})

test('debug is left out; info, warn and error are alike', () => {
  const write = vi.fn()
  const logger = stderrLogger(write)
  logger.debug({}, 'debug')
  logger.info({}, 'info')
  logger.warn({}, 'warn')
  logger.error({}, 'error')
  expect(write.mock.calls.flat()).toEqual([`${head} info`, `${head} warn`, `${head} error`])
})

test('lines go to stderr, with what looks like a format as it is', () => {
  const write = vi.spyOn(console, 'error').mockReturnValue()
  stderrLogger().warn({}, 'GET /a%20b %s')
  expect(write.mock.calls.map((words) => format(...words))).toEqual([`${head} GET /a%20b %s`])
})

test('a silent logger writes nothing', () => {
  const writes = [
    vi.spyOn(console, 'error'),
    ...[process.stderr, process.stdout].map((stream) => vi.spyOn(stream, 'write')),
  ]
  for (const level of ['debug', 'info', 'warn', 'error'] as const) silentLogger[level]({}, 'x')
  for (const write of writes) expect(write).not.toHaveBeenCalled()
})
