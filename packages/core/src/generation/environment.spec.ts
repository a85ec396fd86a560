import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { takeEnvironment } from './environment.js'
import { Generation } from './generation.js'

afterEach(() => {
  vi.unstubAllEnvs()
  takeEnvironment()
})

function take(options?: string, ready?: string): ReturnType<typeof takeEnvironment> {
  vi.stubEnv('ENDLESS_OPTIONS', options)
  vi.stubEnv('ENDLESS_READY', ready)
  return takeEnvironment()
}

test('where there is nothing, nothing is set', () => {
  expect(take()).toEqual({ options: {}, readyByMessage: false, config: undefined })
  expect(take('', '')).toEqual({ options: {}, readyByMessage: false })
})

test('what is taken is gone, and is what a generation begins with', () => {
  take('{"hammerTime":7,"signals":false}')
  expect(process.env).not.toHaveProperty('ENDLESS_OPTIONS')
  const { values } = new Generation(undefined).settings
  expect(values).toMatchObject({ hammerTime: 7, signals: false, probation: 5_000 })
})

test('a module with hooks is that of this directory, and gone from the environment', () => {
  vi.stubEnv('ENDLESS_CONFIG', 'endless.config.js')
  expect(take()).toMatchObject({ config: join(process.cwd(), 'endless.config.js') })
  expect(process.env).not.toHaveProperty('ENDLESS_CONFIG')
})

test('a message instead of a listen: autoReady is off, unless that is set', () => {
  expect(take(undefined, 'message')).toEqual({
    options: { autoReady: false },
    readyByMessage: true,
  })
  expect(process.env).not.toHaveProperty('ENDLESS_READY')
  expect(take('{"autoReady":true}', 'message').options).toEqual({ autoReady: true })
})

test.each([
  ['{', undefined, 'ENDLESS_OPTIONS: expected JSON such as {"hammerTime":30000}, received \'{\''],
  ['[]', undefined, 'ENDLESS_OPTIONS: option "options": expected an object, received []'],
  ['null', undefined, 'ENDLESS_OPTIONS: option "options": expected an object, received null'],
  ['{"slowStart":-1}', undefined, /^ENDLESS_OPTIONS: option "slowStart": expected milliseconds/],
  ['{"beforeReady":1}', undefined, /^ENDLESS_OPTIONS: option "beforeReady": expected a function/],
  ['{"http":{}}', undefined, /^ENDLESS_OPTIONS: option "http": expected one of beforeBegin, /],
  [undefined, 'listen', 'ENDLESS_READY: expected "message" or nothing, received \'listen\''],
])('ENDLESS_OPTIONS=%s ENDLESS_READY=%s is refused', (options, ready, message) => {
  expect(() => take(options, ready)).toThrow(
    expect.objectContaining({
      code: 'ERR_ENDLESS_OPTION',
      message: message instanceof RegExp ? expect.stringMatching(message) : message,
    }),
  )
})
