import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterEach, expect, test, vi } from 'vitest'
import { EndlessError } from '../errors.js'
import { testUpgrader } from './testing.js'

const signals = ['SIGHUP', 'SIGUSR2', 'SIGINT', 'SIGTERM', 'SIGUSR1', 'SIGTSTP'] as const
const counts = (): number[] => signals.map((signal) => process.listenerCount(signal))

afterEach(() => {
  vi.useRealTimers()
})

test('it is ready, in generation 0, with nobody before and nothing after it', async () => {
  const upgrader = testUpgrader()
  expect(upgrader).toMatchObject({ state: 'ready', generation: 0, hasParent: false, inFlight: 0 })
  expect(upgrader.drainSignal.aborted).toBe(false)
  expect(await upgrader.upgrade()).toEqual({ pid: process.pid })
  expect(upgrader.inherited('a')).toBeUndefined()
  expect(upgrader.status()).toMatchObject({ pid: process.pid, state: 'ready', listeners: [] })
  await Promise.all([upgrader.ready(), upgrader.shutdown(), upgrader.waitForParent()])
  upgrader.hammer()
  expect(upgrader.state).toBe('ready')
  await upgrader.uninstall()
})

test('it installs no signal handler, no timer and no hook', async () => {
  vi.useFakeTimers()
  const before = counts()
  const upgrader = testUpgrader()
  const hook = vi.fn()
  upgrader.configure({ onDrain: hook, hooks: { pre: { SIGHUP: hook } }, hammerTime: 5 })
  upgrader.hook('onExit', hook)()
  upgrader.hookSignal('post', 'SIGUSR1', hook)()
  upgrader.addFile('a', 7)()
  await upgrader.upgrade()
  await upgrader.shutdown()
  expect(counts()).toEqual(before)
  expect(vi.getTimerCount()).toBe(0)
  expect(hook).not.toHaveBeenCalled()
})

test('each call makes a new one', () => {
  expect(testUpgrader()).not.toBe(testUpgrader())
})

test('a server listens as it would without us', async () => {
  const server = createServer()
  const own = server.listen
  const upgrader = testUpgrader()
  upgrader.attach(server)
  expect(server.listen).toBe(own)
  const listening = vi.fn()
  expect(upgrader.listen(server, 0, '127.0.0.1', listening)).toBe(server)
  await once(server, 'listening')
  expect(server.address()).toMatchObject({ address: '127.0.0.1' })
  expect(listening).toHaveBeenCalledOnce()
  expect(server.listenerCount('connection')).toBe(createServer().listenerCount('connection'))
  server.close()
})

test('a bad option is refused, as it is outside of tests', () => {
  expect(() => testUpgrader().configure({ hammerTime: -1 })).toThrow(EndlessError)
})
