import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { EndlessError } from '../errors.js'
import { type Logger, silentLogger } from './logger.js'
import { defaults, endlessSignals, graceSignals, type UpgraderOptions } from './options.js'
import { Settings } from './settings.js'

function logger(): Logger {
  return { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
}

/** `@default` by setting, from the TSDoc of `ProcessSettings`. */
function documented(): Map<string, string | undefined> {
  const source = readFileSync(join(import.meta.dirname, 'options.ts'), 'utf8')
  const body = /export interface ProcessSettings \{\n([\s\S]*?)\n\}/.exec(source)?.[1] ?? ''
  const members = [...body.matchAll(/\/\*\*([\s\S]*?)\*\/\s*(\w+):/g)]
  return new Map(
    members.map(([, doc = '', name = '']) => [name, /@default (.+)/.exec(doc)?.[1]?.trim()]),
  )
}

describe('defaults', () => {
  const docs = documented()
  const { signals, ...values } = new Settings().values

  test('are what holds before anything is set', () => {
    expect(values).toEqual(defaults)
    expect(signals).toBe(endlessSignals)
  })

  test('every setting is documented', () => {
    expect([...docs.keys()].sort()).toEqual([...Object.keys(defaults), 'logger', 'signals'].sort())
  })

  test.each(Object.entries(defaults))('%s: %s is its documented @default', (name, value) => {
    expect(docs.get(name)).toBe(value === undefined ? undefined : JSON.stringify(value))
  })

  test('signals and logger document theirs in words', () => {
    expect(docs.get('signals')).toBe('endlessSignals')
    expect(docs.get('logger')).toMatch(/stderr/)
  })

  test('the logger writes to stderr', () => {
    const write = vi.spyOn(console, 'error').mockReturnValue()
    new Settings().logger.info({}, 'hello')
    const text = write.mock.calls.join('')
    write.mockRestore()
    expect(text).toMatch(/ hello$/)
  })
})

describe('merge', () => {
  test('later calls add to earlier ones, and what is left out keeps its default', () => {
    const settings = new Settings()
    settings.merge({ hammerTime: 5 })
    settings.merge({ probation: 7, pidFile: 'a.pid' })
    expect(settings.values).toEqual({
      ...defaults,
      hammerTime: 5,
      probation: 7,
      pidFile: 'a.pid',
      signals: endlessSignals,
    })
  })

  test('false and 0 are values, not gaps', () => {
    const settings = new Settings()
    settings.merge({ hammerTime: false, signals: false, autoReady: false, stallTimeout: 0 })
    expect(settings.values).toMatchObject({
      hammerTime: false,
      signals: false,
      autoReady: false,
      stallTimeout: 0,
    })
    expect(() => settings.merge({ hammerTime: 0 })).toThrow(EndlessError)
  })

  test('undefined leaves a setting as it is', () => {
    const settings = new Settings()
    settings.merge({ hammerTime: 5 })
    settings.merge({ hammerTime: undefined, probation: undefined } as UpgraderOptions)
    expect(settings.values).toMatchObject({ hammerTime: 5, probation: defaults.probation })
  })

  test('the same value twice is fine, and so is an equal map of signals', () => {
    const settings = new Settings()
    const given = { hammerTime: 5, pidFile: 'a', logger: logger(), signals: graceSignals }
    settings.merge(given)
    settings.merge({ ...given, signals: { ...graceSignals } })
    expect(settings.values.signals).toEqual(graceSignals)
  })

  test('hooks are no settings', () => {
    const settings = new Settings()
    settings.merge({ onDrain: () => {} })
    settings.merge({ onDrain: () => {}, hooks: {} })
    expect(settings.values).not.toHaveProperty('onDrain')
  })
})

describe('what is given', () => {
  test('holds instead of a default, and is in conflict with nothing that is set', () => {
    const settings = new Settings({ hammerTime: 1, probation: 2, signals: false })
    settings.merge({ hammerTime: 3 })
    expect(settings.values).toEqual({ ...defaults, hammerTime: 3, probation: 2, signals: false })
    expect(() => settings.merge({ hammerTime: 4 })).toThrow(/already set to 3 .* received 4/)
  })

  test('a logger, or silence, until another is set', () => {
    const [given, own] = [logger(), logger()]
    const settings = new Settings({ logger: given })
    expect(settings.logger).toBe(given)
    settings.merge({ logger: own })
    expect(settings.logger).toBe(own)
    expect(new Settings({ logger: false }).logger).toBe(silentLogger)
  })
})

describe('conflicts', () => {
  const first: UpgraderOptions = {
    hammerTime: 1,
    readyTimeout: 1,
    probation: 1,
    shutdownDelay: 1,
    stallTimeout: 1,
    pidFile: 'a',
    signals: endlessSignals,
    logger: logger(),
    migrate: () => true,
    autoReady: true,
  }
  const second: UpgraderOptions = {
    hammerTime: false,
    readyTimeout: 2,
    probation: 0,
    shutdownDelay: 2,
    stallTimeout: 2,
    pidFile: 'b',
    signals: graceSignals,
    logger: false,
    migrate: false,
    autoReady: false,
  }

  test.each(Object.keys(second) as (keyof UpgraderOptions)[])(
    'a second, different %s is refused and nothing beside it is taken',
    (name) => {
      const settings = new Settings()
      settings.merge({ [name]: first[name] })
      const [before, log] = [settings.values, settings.logger]
      const attempt = { ...second, [name]: second[name] }
      expect(() => settings.merge(attempt)).toThrow(
        expect.objectContaining({
          code: 'ERR_ENDLESS_OPTION_CONFLICT',
          message: expect.stringContaining(`option "${name}" was already set`),
        }),
      )
      expect(settings.values).toEqual(before)
      expect(settings.logger).toBe(log)
    },
  )

  test('the message has both values', () => {
    const settings = new Settings()
    settings.merge({ hammerTime: 111 })
    expect(() => settings.merge({ hammerTime: 222 })).toThrow(/set to 111 .* received 222/)
  })

  test('the message shows a map of signals', () => {
    const settings = new Settings()
    settings.merge({ signals: { SIGHUP: 'upgrade' } })
    expect(() => settings.merge({ signals: { SIGHUP: 'shutdown' } })).toThrow(
      /upgrade.*received.*shutdown/,
    )
  })

  test('two loggers of one class are two', () => {
    class Log {
      readonly #lines: string[] = []
      debug(): void {}
      info(_: object, message: string): void {
        this.#lines.push(message)
      }
      warn(): void {}
      error(): void {}
    }
    const settings = new Settings()
    settings.merge({ logger: new Log() })
    expect(() => settings.merge({ logger: new Log() })).toThrow(EndlessError)
  })
})

describe('logger', () => {
  test('is the one that was given', () => {
    const [settings, given] = [new Settings(), logger()]
    settings.merge({ logger: given })
    expect(settings.logger).toBe(given)
  })

  test('false is silence', () => {
    const write = vi.spyOn(console, 'error').mockReturnValue()
    const settings = new Settings()
    settings.merge({ logger: false })
    for (const level of ['debug', 'info', 'warn', 'error'] as const)
      settings.logger[level]({}, 'hello')
    const { calls } = write.mock
    write.mockRestore()
    expect(calls).toEqual([])
  })
})
