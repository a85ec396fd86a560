import { once } from 'node:events'
import { existsSync, fstatSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, get, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fdIn } from '../node/index.js'
import { isCollected } from '../node/specs/garbage.js'
import { upgrader } from './singleton.js'

const signals = ['SIGHUP', 'SIGUSR2', 'SIGINT', 'SIGTERM', 'SIGUSR1', 'SIGTSTP'] as const
const key = Symbol.for('@endlessjs/core:upgrader')

afterEach(async () => {
  if (Reflect.has(process, key)) await upgrader().uninstall()
})

test('a server that listens already cannot be attached, one that was attached before can', async () => {
  const up = upgrader({ logger: false })
  const late = createServer().listen(0)
  const early = up.listen(createServer(), 0)
  await Promise.all([once(late, 'listening'), once(early, 'listening')])
  expect(() => up.attach(late)).toThrow(
    expect.objectContaining({
      code: 'ERR_ENDLESS_LISTENING',
      message: expect.stringContaining('attach it before it listens'),
    }),
  )
  expect(() => up.attach(early)).not.toThrow()
  late.close()
})

test.each([['127.0.0.1'], ['localhost']])('ready() waits while %s is looked up', async (host) => {
  const up = upgrader({ logger: false })
  const server = up.listen(createServer(), 0, host)
  await up.ready()
  expect(server.listening).toBe(true)
})

test('or fails to be: then nobody waits for it', async () => {
  const up = upgrader({ logger: false })
  const failed = once(
    up.listen(createServer(), 0, 'no.such.host.invalid').on('error', () => {}),
    'error',
  )
  await up.ready()
  expect((await failed)[0]).toMatchObject({ syscall: 'getaddrinfo' })
})

test('nor for a listen() that throws', async () => {
  const up = upgrader({ logger: false })
  expect(() => up.listen(createServer(), 70_000)).toThrow(/port/)
  await up.ready()
})

describe('a server that the app has closed', () => {
  /** Of a request that it answered. */
  async function closed(): Promise<Server> {
    const server = createServer((_, response) => response.end())
    upgrader({ logger: false }).listen(server, 0)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) =>
      get({ port, agent: false }, (answer) => answer.resume().on('end', resolve)),
    )
    await new Promise((resolve) => server.close(resolve))
    return server
  }

  test('is let go', async () => {
    expect(await isCollected(closed)).toBe(true)
  })

  test('takes part again where it listens again', async () => {
    const server = await closed()
    expect(upgrader().status().listeners).toEqual([])
    server.listen(0)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    expect(upgrader().status().listeners).toHaveLength(1)
    const request = get({ port, agent: false, headers: { connection: 'keep-alive' } })
    request.on('error', () => {})
    const [answer] = await once(request, 'response')
    await once(answer.resume(), 'end')
    await expect.poll(() => upgrader().status().connections).toMatchObject({ total: 1, idle: 1 })
    request.destroy()
    server.closeAllConnections()
  })

  test("is the app's alone after uninstall()", async () => {
    const server = await closed()
    const one = upgrader()
    await one.uninstall()
    server.listen(0)
    await once(server, 'listening')
    expect(one.status().listeners).toEqual([])
    const connected = once(server, 'connection')
    const request = get({ port: (server.address() as AddressInfo).port, agent: false })
    request.on('error', () => {})
    await connected
    expect(one.status().connections.total).toBe(0)
    request.destroy()
    server.close()
  })
})

describe('there is one per process', () => {
  test('every call gives the same, and adds its options', () => {
    const first = upgrader({ logger: false, hammerTime: 5 })
    expect(upgrader()).toBe(first)
    expect(upgrader({ probation: 7 })).toBe(first)
    expect(() => upgrader({ hammerTime: 6 })).toThrow(
      expect.objectContaining({ code: 'ERR_ENDLESS_OPTION_CONFLICT' }),
    )
  })

  test('two copies of the module share it', async () => {
    const first = upgrader({ logger: false })
    vi.resetModules()
    const copy = await import('./singleton.js')
    expect(copy.upgrader).not.toBe(upgrader)
    expect(copy.upgrader()).toBe(first)
  })

  test('after uninstall() there is a new one, with settings of its own', async () => {
    const first = upgrader({ logger: false, hammerTime: 5 })
    await first.uninstall()
    const second = upgrader({ logger: false, hammerTime: 6 })
    expect(second).not.toBe(first)
    expect(second.state).toBe('starting')
  })

  test('one whose options are bad is not kept, and leaves no handler', () => {
    const before = signals.map((signal) => process.listenerCount(signal))
    expect(() => upgrader({ hammerTime: -1 })).toThrow(/hammerTime/)
    expect(Reflect.has(process, key)).toBe(false)
    expect(signals.map((signal) => process.listenerCount(signal))).toEqual(before)
  })

  test('what a successor would read from the environment is gone with the first call', () => {
    process.env.LISTEN_PID = '1'
    upgrader({ logger: false })
    expect(process.env.LISTEN_PID).toBeUndefined()
  })
})

describe('uninstall() leaves nothing behind', () => {
  const counts = (): number[] => signals.map((signal) => process.listenerCount(signal))

  /** What listens, and the timers that run. Closing handles are gone a turn later. */
  async function left(): Promise<{ sockets: string[]; timers: number }> {
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate)
    const sockets = process.getActiveResourcesInfo().filter((name) => name.includes('Server'))
    return { sockets, timers: vi.getTimerCount() }
  }

  const inodeOf = (fd: number): number | undefined => {
    try {
      return fstatSync(fd).ino
    } catch {
      return undefined
    }
  }
  const socketOf = (server: Server): { fd: number; ino: number } => {
    const fd = fdIn(server)
    return { fd, ino: fstatSync(fd).ino }
  }
  const nothing = { sockets: [], timers: 0 }

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
    expect(await left()).toEqual(nothing)
  })

  afterEach(() => {
    vi.useRealTimers()
  })

  test('no signal handler, no timer, no listening socket, no file', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'endless-single-'))
    const path = join(directory, 'app.sock')
    const handlers = counts()
    const one = upgrader({ logger: false, hooks: { pre: { SIGUSR1: () => {} } } })
    const [tcp, unix] = [createServer(), createServer()]
    one.listen(tcp, 0, '127.0.0.1')
    one.listen(unix, path)
    await once(unix, 'listening')
    await one.ready()
    expect(counts()).not.toEqual(handlers)
    const fds = [tcp, unix].map(socketOf)
    expect(existsSync(path)).toBe(true)
    await one.uninstall()
    expect(counts()).toEqual(handlers)
    expect(await left()).toEqual(nothing)
    for (const { fd, ino } of fds) expect(inodeOf(fd)).not.toBe(ino)
    expect([tcp.listening, unix.listening, existsSync(path)]).toEqual([false, false, false])
    rmSync(directory, { recursive: true })
  })

  test('the servers are plain ones again', async () => {
    const plain = createServer()
    const server = createServer()
    upgrader({ logger: false }).listen(server, 0)
    await upgrader().uninstall()
    for (const event of ['connection', 'request', 'close', 'error', 'listening'])
      expect(server.listenerCount(event), event).toBe(plain.listenerCount(event))
    expect(Object.keys(server).sort()).toEqual(
      expect.not.arrayContaining(['emit', 'address', 'close', 'listen']),
    )
    server.listen(0)
    await once(server, 'listening')
    server.close()
  })

  test('the port is free for the next one at once', async () => {
    const server = createServer((_, response) => response.end('first'))
    upgrader({ logger: false }).listen(server, 0)
    const { port } = server.address() as AddressInfo
    await upgrader().uninstall()
    const next = createServer((_, response) => response.end('second'))
    upgrader({ logger: false }).listen(next, port)
    const [response] = await once(get({ port, agent: false }), 'response')
    expect((await response.setEncoding('utf8').toArray()).join('')).toBe('second')
  })

  test.each([['beforeBegin'], ['beforeReady']] as const)(
    'not even when a %s never ends',
    async (name) => {
      const one = upgrader({ logger: false })
      const begun = new Promise<void>((resolve) => {
        one.hook(name, () => {
          resolve()
          return new Promise<void>(() => {})
        })
      })
      one.listen(createServer(), 0)
      one.ready().catch(() => {})
      await begun
      expect((await left()).timers).toBeGreaterThan(0)
      await one.uninstall()
      expect(await left()).toEqual(nothing)
    },
  )

  test('a start that is under way ends: it is not ready, and writes no pid file', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'endless-single-'))
    const pidFile = join(directory, 'app.pid')
    let release = (): void => {}
    const one = upgrader({ logger: false, pidFile })
    const begun = new Promise<void>((begin) => {
      one.hook('beforeReady', () => {
        begin()
        return new Promise<void>((resolve) => (release = resolve))
      })
    })
    const ready = one.ready().catch((error: unknown) => error)
    await begun
    await one.uninstall()
    release()
    const outcome = await ready
    const written = existsSync(pidFile)
    rmSync(directory, { recursive: true })
    expect(written).toBe(false)
    expect(outcome).toMatchObject({ code: 'ERR_ENDLESS_STOPPED' })
  })

  test('a shutdown that waits for its shutdownDelay ends, and not the process', async () => {
    const exited = new Promise((resolve) => {
      vi.spyOn(process, 'exit').mockImplementation((code) => resolve(code) as never)
    })
    const one = upgrader({ logger: false, shutdownDelay: 1 })
    await one.ready()
    const stopped = one.shutdown().catch(() => {})
    await one.uninstall()
    await stopped
    const drained = one.drainSignal.aborted
    if (drained) await exited
    vi.restoreAllMocks()
    expect(drained).toBe(false)
  })
})
