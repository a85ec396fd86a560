import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { Agent, type RequestListener } from 'node:http'
import { createRequire } from 'node:module'
import { type AddressInfo, connect } from 'node:net'
import { testUpgrader } from '@endlessjs/core/testing'
import supertest from 'supertest'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type AppOptions, EndlessError, endless, upgrader } from './index.js'

interface App extends RequestListener {
  get(path: string, handler: RequestListener): void
}

const require = createRequire(import.meta.url)
const express: () => App = require('express')
const signals = ['SIGHUP', 'SIGUSR2', 'SIGINT', 'SIGTERM', 'SIGUSR1', 'SIGTSTP'] as const
const handlers = (): number[] => signals.map((signal) => process.listenerCount(signal))

afterEach(async () => {
  vi.restoreAllMocks()
  await upgrader().uninstall()
})

function hello(): App {
  const app = express()
  app.get('/', (_, response) => void response.end('hello'))
  return app
}

const quiet = (options: AppOptions) => endless(hello(), { logger: false, ...options })

describe('signals', () => {
  test('are handled, and released by uninstall()', async () => {
    const before = handlers()
    quiet({})
    expect(handlers()).toEqual(before.map((count, n) => (n < 4 ? count + 1 : count)))
    await upgrader().uninstall()
    expect(handlers()).toEqual(before)
  })

  test('are left alone with testUpgrader()', async () => {
    const before = handlers()
    const app = endless(hello(), { upgrader: testUpgrader(), hammerTime: 5 })
    const server = app.listen(0)
    await supertest(server).get('/').expect(200, 'hello')
    expect(handlers()).toEqual(before)
    server.close()
  })
})

describe('https', () => {
  let pem = ''

  beforeAll(() => {
    const args = 'req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout - -out -'
    pem = execFileSync('openssl', args.split(' '), {
      stdio: ['ignore', 'pipe', 'ignore'],
    }).toString()
  })

  test('serves the app over TLS, and nothing else', async () => {
    const server = quiet({ https: { key: pem, cert: pem } }).listen(0)
    await supertest(server).get('/').disableTLSCerts().expect(200, 'hello')
    const plain = connect((server.address() as AddressInfo).port, 'localhost')
    plain.on('error', () => {}).write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    let text = ''
    plain.on('data', (chunk) => {
      text += chunk
    })
    await once(plain, 'close')
    expect(text).not.toContain('hello')
  })

  test('beside http is refused', () => {
    expect(() => quiet({ https: {}, http: {} })).toThrow(/option "http"/)
  })
})

describe('http', () => {
  test('options are those of its server', async () => {
    const server = quiet({ http: { keepAliveTimeout: 1234, maxHeaderSize: 300 } }).listen(0)
    expect(server.keepAliveTimeout).toBe(1234)
    await supertest(server).get('/').set('X-Long', 'x'.repeat(400)).expect(431)
    const agent = new Agent({ keepAlive: true })
    const { headers } = await supertest(server).get('/').agent(agent).expect(200)
    expect(headers['keep-alive']).toBe('timeout=1')
    agent.destroy()
  })
})

describe('beforeBegin', () => {
  /** What becomes of a connection that asks at once. */
  async function attempt(port: number): Promise<string> {
    const socket = connect(port, 'localhost')
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    const error = await new Promise((resolve) => {
      socket.once('close', resolve)
      socket.once('error', (reason: NodeJS.ErrnoException) => resolve(reason))
    })
    return error instanceof Error ? 'refused' : text
  }

  test('is awaited, with the bound address, before the first connection is accepted', async () => {
    let open = (): void => {}
    const begin = vi.fn((_: unknown) => new Promise<void>((resolve) => (open = resolve)))
    const listening = vi.fn()
    const server = quiet({ beforeBegin: begin }).listen(0, listening)
    const address = server.address() as AddressInfo
    await vi.waitFor(() => expect(begin.mock.calls).toEqual([[address]]), { interval: 1 })
    expect(await attempt(address.port)).toBe('refused')
    expect(listening).not.toHaveBeenCalled()
    expect(upgrader().state).toBe('starting')
    open()
    await once(server, 'listening')
    expect(await attempt(address.port)).toContain('hello')
    expect(server.address()).toEqual(address)
    expect(listening.mock.calls).toEqual([[]])
  })

  test('is that of its app alone, after that of the process', async () => {
    const seen: string[] = []
    upgrader({ logger: false, beforeBegin: () => void seen.push('process') })
    const apps = ['a', 'b'].map((name) => quiet({ beforeBegin: () => void seen.push(name) }))
    for (const app of apps) await once(app.listen(0), 'listening')
    expect(seen).toEqual(['process', 'a', 'process', 'b'])
  })

  const failing = { beforeBegin: () => Promise.reject(new Error('boom')) }
  const hookError = expect.objectContaining({
    code: 'ERR_ENDLESS_HOOK',
    cause: expect.objectContaining({ message: 'boom' }),
  })

  test("that throws reaches the server's error event: it does not listen", async () => {
    const exit = vi.spyOn(process, 'exit').mockReturnValue(undefined as never)
    const server = quiet(failing).listen(0)
    const { port } = server.address() as AddressInfo
    const [error] = await once(server, 'error')
    expect(error).toEqual(hookError)
    expect([server.listening, server.address()]).toEqual([false, null])
    expect(await attempt(port)).toBe('refused')
    expect(exit).not.toHaveBeenCalled()
  })

  test('that throws reaches the callback of Express 5, once', async () => {
    vi.spyOn(process, 'exit').mockReturnValue(undefined as never)
    const callback = vi.fn()
    const server = quiet(failing).listen(0, callback)
    await once(server, 'error')
    expect(callback.mock.calls).toEqual([[hookError]])
  })

  test('that throws ends the process where nobody listens for errors', async () => {
    const exit = new Promise((resolve) => {
      vi.spyOn(process, 'exit').mockImplementation((code) => resolve(code) as never)
    })
    quiet(failing).listen(0)
    expect(await exit).toBe(1)
  })
})

describe('bad options throw at once, from endless()', () => {
  test.each([
    [{ hammerTime: '5s' }, 'hammerTime'],
    [{ hammertime: 5 }, 'hammertime'],
    [{ signals: { SIGKILL: 'upgrade' } }, 'signals'],
    [{ upgrader: {} }, 'upgrader'],
    [{ https: true }, 'https'],
  ])('%j', (options, name) => {
    const act = (): unknown => endless(hello(), options as AppOptions)
    expect(act).toThrow(EndlessError)
    expect(act).toThrow(new RegExp(`^option "${name}": expected `))
  })

  test('and so does a second value of what holds for the whole process', () => {
    quiet({ hammerTime: 5 })
    expect(() => quiet({ hammerTime: 6 })).toThrow(
      expect.objectContaining({ code: 'ERR_ENDLESS_OPTION_CONFLICT' }),
    )
  })
})
