import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type DrainReason, Generation, type UpgraderOptions } from '../generation/index.js'
import { Ending } from './ending.js'

// A probation of 0 ends in the same turn, any other when it is aborted.
vi.mock('node:timers/promises', async (original) => ({
  ...(await original<typeof import('node:timers/promises')>()),
  setTimeout: (ms: number, _: unknown, { signal }: { signal: AbortSignal }) =>
    ms === 0 ? Promise.resolve() : once(signal, 'abort'),
}))

let generation = new Generation(undefined)
let cleanups: (() => void)[] = []
const over = vi.fn()

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  generation = new Generation(undefined)
  over.mockReset()
})

afterEach(() => {
  for (const cleanup of cleanups) cleanup()
  cleanups = []
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
  generation.connections.uninstall()
})

function end(reason: DrainReason, options: UpgraderOptions = {}): Ending {
  const { logger = false, ...others } = options
  generation.settings.merge({ logger, ...others })
  generation.hooks.addAll(options)
  const ending = new Ending(generation, reason, over)
  cleanups.push(() => ending.cancel())
  return ending
}

/** A connection that holds the drain. */
async function hold(app: RequestListener = () => {}): Promise<void> {
  const server = createServer(app)
  generation.connections.track(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1', () =>
    socket.write('GET /a HTTP/1.1\r\nHost: a\r\n\r\n'),
  )
  socket.on('error', () => {})
  cleanups.push(() => {
    server.close()
    socket.destroy()
  })
  while (generation.connections.inFlight === 0) await turn()
}

describe('a drain that nothing holds', () => {
  test('is over with code 0', async () => {
    end('shutdown')
    await turn()
    expect(over.mock.calls).toEqual([[0]])
  })

  test('waits for the onDrain hooks, which are told why', async () => {
    let release = (): void => {}
    const onDrain = vi.fn(() => new Promise<void>((resolve) => (release = resolve)))
    end('shutdown', { onDrain })
    await turn()
    expect(onDrain.mock.calls).toEqual([['shutdown']])
    expect(over).not.toHaveBeenCalled()
    release()
    await turn()
    expect(over.mock.calls).toEqual([[0]])
  })

  test('is over although a hook failed, which is logged', async () => {
    const error = vi.fn()
    const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error }
    end('shutdown', { logger, onDrain: () => Promise.reject(new Error('boom')) })
    await turn()
    expect(error).toHaveBeenCalledWith(expect.anything(), 'An onDrain hook failed')
    expect(over.mock.calls).toEqual([[0]])
  })
})

describe('the hammer', () => {
  test('falls by itself after hammerTime and not before: code 1, and what it cut', async () => {
    await hold()
    const warn = vi.fn()
    const logger = { debug: vi.fn(), info: vi.fn(), warn, error: vi.fn() }
    const ending = end('shutdown', { hammerTime: 5_000, logger })
    vi.advanceTimersByTime(4_999)
    await turn()
    expect([ending.age, ending.hammerIn]).toEqual([4_999, 1])
    expect(over).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    await turn()
    expect(over.mock.calls).toEqual([[1]])
    expect(warn).toHaveBeenCalledWith(
      expect.objectContaining({ requests: ['GET /a, 5.0 s old'] }),
      '[STOP - Hammer Time] Cut 1 connections; GET /a, 5.0 s old.',
    )
  })

  test('waits for no hook', async () => {
    const ending = end('shutdown', { onDrain: () => new Promise(() => {}) })
    await turn()
    ending.hammer()
    await turn()
    expect(over.mock.calls).toEqual([[0]])
  })

  test('never falls by itself with false', async () => {
    await hold()
    const ending = end('shutdown', { hammerTime: false })
    expect(ending.hammerIn).toBe(false)
    expect(vi.getTimerCount()).toBe(0)
    ending.hammer()
    await turn()
    expect(over.mock.calls).toEqual([[1]])
  })

  test('twice is over once', async () => {
    await hold()
    const ending = end('shutdown')
    ending.hammer()
    ending.hammer()
    await turn()
    expect(over.mock.calls).toEqual([[1]])
  })
})

describe('probation', () => {
  test('keeps a drained generation that was upgraded, until it ends', async () => {
    const ending = end('upgraded', { probation: 2 ** 30 })
    await turn()
    expect(over).not.toHaveBeenCalled()
    ending.endProbation()
    await turn()
    expect(over.mock.calls).toEqual([[0]])
  })

  test('is none of a shutdown', async () => {
    end('shutdown', { probation: 2 ** 30 })
    await turn()
    expect(over.mock.calls).toEqual([[0]])
  })
})

describe('a drain that is cancelled', () => {
  test('is never over, and its hammer never falls', async () => {
    await hold()
    const ending = end('upgraded', { hammerTime: 5_000 })
    ending.cancel()
    vi.advanceTimersByTime(10_000)
    await turn()
    expect(generation.connections.inFlight).toBe(1)
    expect(over).not.toHaveBeenCalled()
  })

  test('while it is on probation neither', async () => {
    const ending = end('upgraded', { probation: 2 ** 30 })
    await turn()
    ending.cancel()
    await turn()
    expect(over).not.toHaveBeenCalled()
  })
})
