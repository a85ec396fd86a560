import { describe, expect, test } from 'vitest'
import { EndlessError } from '../errors.js'
import { stderrLogger } from './logger.js'
import { endlessSignals, graceSignals } from './options.js'
import { checkAppOptions, checkSignal, checkUpgraderOptions } from './validate.js'

const fn = (): void => {}
const logger = { debug: fn, info: fn, warn: fn, error: fn }
const longest = 2 ** 31 - 1

const good: Record<string, unknown[]> = {
  hammerTime: [false, 0, 1, 60_000, longest],
  readyTimeout: [0, 0.5, longest],
  probation: [0, 5_000],
  shutdownDelay: [0, 5_000],
  idleGrace: [0, 5_000],
  stallTimeout: [0, 5_000],
  pidFile: ['app.pid', '/run/app.pid'],
  controlSocket: [true, 'run/app.sock', '/run/app.sock'],
  signals: [false, {}, endlessSignals, graceSignals, { SIGQUIT: 'shutdown' }],
  sharedSignals: [[], ['SIGHUP'], ['SIGUSR2', 'SIGHUP']],
  logger: [false, logger, stderrLogger(), console, Object.create(logger)],
  migrate: [true, false, fn],
  ignoreLauncher: [true, false],
  http2Notice: [true, false],
  autoReady: [true, false],
  beforeBegin: [fn],
  beforeReady: [fn],
  beforeSpawn: [async () => {}],
  onDrain: [fn],
  onRevive: [fn],
  onExit: [fn],
  hooks: [{}, { pre: {} }, { pre: { SIGHUP: fn }, post: { SIGUSR1: [fn, fn], SIGTSTP: [] } }],
}

const durations = [-1, Number.NaN, Number.POSITIVE_INFINITY, longest + 1, '5s', true, null, 5n]
const duration = `milliseconds from 0 to ${longest}`

/** By option: what the message says was expected, and what must not get through. */
const bad: Record<string, readonly [expected: string, values: unknown[]]> = {
  hammerTime: [`false or ${duration}`, durations],
  readyTimeout: [duration, [...durations, false]],
  probation: [duration, [...durations, false]],
  shutdownDelay: [duration, [...durations, false]],
  idleGrace: [duration, [...durations, false]],
  stallTimeout: [duration, [...durations, false]],
  pidFile: ['a path', ['', 7, false, null, {}]],
  controlSocket: ['a path, or true', ['', false, 7, null, {}]],
  signals: ['false, a preset', [true, null, 'SIGHUP', ['SIGHUP'], 0]],
  sharedSignals: ['a', ['SIGHUP', true, null, {}, ['HUP'], ['SIGKILL'], [7]]],
  logger: ['pino', [true, null, {}, 'stderr', fn, { ...logger, warn: undefined }, [logger]]],
  migrate: ['true, false or a function of a socket', ['yes', 1, null, {}]],
  http2Notice: ['true or false', ['yes', 1, null]],
  ignoreLauncher: ['true or false', ['yes', 1, null]],
  autoReady: ['true or false', ['yes', 1, null]],
  beforeBegin: ['a function', [null, 'f', [fn], false]],
  beforeReady: ['a function', [{}]],
  beforeSpawn: ['a function', [1]],
  onDrain: ['a function', [true]],
  onRevive: ['a function', [Promise.resolve()]],
  onExit: ['a function', [0]],
  hooks: ['pre: { SIGHUP: fn }', [fn, null, [], 'pre', false]],
}

const goodCells = Object.entries(good).flatMap(([name, values]) =>
  values.map((value) => ({ name, value })),
)
const badCells = Object.entries(bad).flatMap(([name, [expected, values]]) =>
  values.map((value) => ({ name, expected, value })),
)

function messageOfBad(options: unknown, check: (options: unknown) => void = checkUpgraderOptions) {
  try {
    check(options)
  } catch (error) {
    expect(error).toBeInstanceOf(EndlessError)
    expect(error).toMatchObject({ name: 'EndlessError', code: 'ERR_ENDLESS_OPTION' })
    return (error as EndlessError).message
  }
  throw new Error('nothing was thrown')
}

describe.each([
  ['upgrader()', checkUpgraderOptions],
  ['an adapter', checkAppOptions],
] as const)('options of %s', (_, check) => {
  test.each(goodCells)('$name may be $value', ({ name, value }) => {
    expect(() => check({ [name]: value })).not.toThrow()
  })

  test.each(badCells)('$name must not be $value', ({ name, expected, value }) => {
    const message = messageOfBad({ [name]: value }, check)
    expect(message).toMatch(new RegExp(`^option "${name}": expected .*, received .+$`))
    expect(message).toContain(expected)
  })

  test.each(Object.keys(good))('%s may be undefined', (name) => {
    expect(() => check({ [name]: undefined })).not.toThrow()
  })

  test.each([undefined, null, 7, 'x', []])('options must not be %s', (options) => {
    expect(messageOfBad(options, check)).toContain('option "options": expected an object')
  })

  test('an unknown name is named, with the names that are known', () => {
    const message = messageOfBad({ hammertime: 5 }, check)
    expect(message).toMatch(/^option "hammertime": expected one of .*hammerTime.*, received 5$/)
  })

  test.each(['constructor', '__proto__', 'toString'])('%s is no option', (name) => {
    const options = Object.defineProperty({}, name, { value: fn, enumerable: true })
    expect(messageOfBad(options, check)).toContain(`option "${name}"`)
  })
})

test('the message shows what came, on one line', () => {
  expect(messageOfBad({ pidFile: { a: { b: 1 }, c: 'x'.repeat(90) } })).not.toContain('\n')
  expect(messageOfBad({ readyTimeout: '5s' })).toMatch(/received '5s'$/)
})

describe('signals', () => {
  test.each(['SIGKILL', 'SIGSTOP', 'sighup', 'HUP', 'SIGFOO', '', 'toString', 1, undefined])(
    '%s cannot be handled',
    (signal) => {
      expect(() => checkSignal('x', signal)).toThrow(/^option "x": expected a signal that can be/)
    },
  )

  test.each(['SIGHUP', 'SIGUSR1', 'SIGTSTP', 'SIGWINCH'])('%s can', (signal) => {
    expect(() => checkSignal('x', signal)).not.toThrow()
  })

  test.each(['SIGKILL', 'sighup', 'SIGFOO'])('no map may name %s', (signal) => {
    expect(messageOfBad({ signals: { [signal]: 'upgrade' } })).toContain(`received '${signal}'`)
    expect(messageOfBad({ hooks: { pre: { [signal]: fn } } })).toContain('option "hooks.pre"')
  })

  test.each(['restart', 'Upgrade', true, null, fn])('%s is no action', (action) => {
    expect(messageOfBad({ signals: { SIGHUP: action } })).toContain(
      'option "signals.SIGHUP": expected "upgrade", "hammer" or "shutdown"',
    )
  })
})

describe('hooks', () => {
  test.each([
    [{ before: {} }, 'option "hooks": expected only "pre" and "post" in it, received \'before\''],
    [{ pre: fn }, 'option "hooks.pre": expected { SIGHUP: fn | fn[] }'],
    [{ post: { SIGHUP: 'f' } }, 'option "hooks.post.SIGHUP": expected a function'],
    [{ post: { SIGHUP: [fn, null] } }, 'option "hooks.post.SIGHUP": expected a function'],
  ])('%j is refused', (hooks, message) => {
    expect(messageOfBad({ hooks })).toContain(message)
  })
})

describe('only adapters', () => {
  const http = (options: unknown): void => checkAppOptions(options, ['http', 'https'])

  test.each(['http', 'https', 'upgrader'])('know %s', (name) => {
    const value = name === 'upgrader' ? { listen: fn, attach: fn } : {}
    expect(() => http({ [name]: value })).not.toThrow()
    expect(messageOfBad({ [name]: value })).toContain(`option "${name}": expected one of`)
  })

  test.each([
    ['http', 80],
    ['http', fn],
    ['https', true],
    ['https', null],
    ['upgrader', {}],
    ['upgrader', { listen: fn }],
    ['upgrader', { attach: fn }],
    ['upgrader', fn],
  ])('%s must not be %s', (name, value) => {
    expect(messageOfBad({ [name]: value }, http)).toContain(`option "${name}": expected `)
  })

  test('http beside https is refused, but not one that is undefined', () => {
    expect(messageOfBad({ http: {}, https: {} }, http)).toContain('no "http" beside')
    expect(() => http({ http: undefined, https: {} })).not.toThrow()
    expect(() => http({ http: {}, https: undefined })).not.toThrow()
  })

  test('know the kinds of server that their framework can be behind, and no others', () => {
    const all = (options: unknown): void => checkAppOptions(options, ['http', 'https', 'http2'])
    expect(() => all({ http2: {} })).not.toThrow()
    expect(messageOfBad({ http2: {} }, http)).toContain('option "http2": expected one of')
    expect(messageOfBad({ http2: true }, all)).toContain('options of http2.createSecureServer')
    expect(messageOfBad({ http2: {}, https: {} }, all)).toContain('no "https" beside "http2"')
  })
})
