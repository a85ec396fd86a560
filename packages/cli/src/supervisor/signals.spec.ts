import { EndlessError } from '@endlessjs/core/fleet'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Fleet } from './fleet.js'
import { FleetSignals } from './signals.js'
import { FakeWorker } from './specs/fakes.js'
import { Voice } from './voice.js'

const logger = { info: vi.fn(), debug: vi.fn(), warn: vi.fn(), error: vi.fn() }
const worker = new FakeWorker()
const fleet = {
  isEnding: false,
  stoppedByWorkerAt: Number.NEGATIVE_INFINITY,
  living: [worker],
  stop: vi.fn(),
  hammer: vi.fn(),
  reload: vi.fn(async () => {}),
}
let signals: FleetSignals

beforeEach(() => {
  vi.clearAllMocks()
  signals = new FleetSignals(fleet as unknown as Fleet, new Voice(logger))
})
afterEach(() => signals.uninstall())

/** As the kernel does, but for this process's own end. */
const raise = (signal: NodeJS.Signals): boolean => process.emit(signal)

test.each(['SIGINT', 'SIGTERM'] as const)('%s stops', (signal) => {
  raise(signal)
  expect(fleet.stop).toHaveBeenCalledTimes(1)
})

test('what a worker has passed on of a signal to the whole group is that stop, and not a second one', () => {
  fleet.stoppedByWorkerAt = performance.now()
  raise('SIGTERM')
  expect(fleet.stop).not.toHaveBeenCalled()
  raise('SIGTERM')
  expect(fleet.stop).toHaveBeenCalledTimes(1)
  // One that comes long after is somebody's who has lost patience.
  fleet.stoppedByWorkerAt = performance.now() - 5_000
  raise('SIGTERM')
  expect(fleet.stop).toHaveBeenCalledTimes(2)
})

test('USR2 hammers; where nothing drains that is said', () => {
  fleet.hammer.mockImplementationOnce(() => {
    throw new EndlessError('ERR_ENDLESS_NOT_DRAINING', 'nothing drains')
  })
  raise('SIGUSR2')
  expect(logger.error).toHaveBeenCalledTimes(1)
})

test('HUP reloads; a refusal is said here, and what fails on the way was said there', async () => {
  for (const code of ['ERR_ENDLESS_NOT_READY', 'ERR_ENDLESS_SUCCESSOR_EXITED'] as const) {
    fleet.reload.mockRejectedValueOnce(new EndlessError(code, 'no'))
    raise('SIGHUP')
  }
  await new Promise(setImmediate)
  expect([fleet.reload.mock.calls.length, logger.error.mock.calls.length]).toEqual([2, 1])
})

test('what is meant for Node or a terminal goes to every worker', () => {
  for (const signal of ['SIGUSR1', 'SIGALRM', 'SIGWINCH', 'SIGCONT'] as const) raise(signal)
  expect(worker.signals).toEqual(['SIGUSR1', 'SIGALRM', 'SIGWINCH', 'SIGCONT'])
})

test('nothing is left of it', () => {
  signals.uninstall()
  for (const signal of ['SIGHUP', 'SIGUSR2', 'SIGALRM'] as const)
    expect(process.listenerCount(signal)).toBe(0)
})
