import type { Server } from 'node:http'
import { createSecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { currentUpgrader } from '@endlessjs/core'
import { testUpgrader } from '@endlessjs/core/testing'
import Koa from 'koa'
import Koa2First from 'koa-2-first'
import Koa2Last from 'koa-2-last'
import Koa3First from 'koa-3-first'
import request from 'supertest'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { endless } from './index.js'

const signals = ['SIGHUP', 'SIGUSR2', 'SIGINT', 'SIGTERM'] as const
const handlers = (): number[] => signals.map((signal) => process.listenerCount(signal))
const none = handlers()
const quiet = { logger: false } as const

afterEach(async () => {
  await currentUpgrader()?.uninstall()
})

describe.each([
  ['2.13.0', Koa2First],
  ['2.16', Koa2Last],
  ['3.0.0', Koa3First],
  ['3.3', Koa],
] as [string, typeof Koa][])('Koa %s', (_, Framework) => {
  function make(): Koa {
    const app = new Framework()
    app.use(endless.health())
    app.use((ctx: { body: unknown }) => {
      ctx.body = 'hello'
    })
    return app
  }

  test('binds as synchronously as Node, and supertest takes it', async () => {
    const server = endless(make(), quiet).listen(0)
    expect((server.address() as AddressInfo).port).toBeGreaterThan(0)
    await request(server).get('/').expect(200, 'hello')
  })

  test('every overload of listen', async () => {
    const path = join(tmpdir(), `endless-koa-${process.pid}.sock`)
    const calls: unknown[][] = [
      [],
      [0],
      ['0'],
      [0, '127.0.0.1'],
      [0, '127.0.0.1', 10],
      [{ port: 0 }],
      [path],
      [{ path }],
    ]
    for (const args of calls) {
      const server = await new Promise<Server>((resolve) => {
        const made: Server = endless(make(), quiet).listen(...args, () => resolve(made))
      })
      expect(server.listening).toBe(true)
      await new Promise((resolve) => server.close(resolve))
    }
  })

  test("a port that is taken: the server's 'error', as Koa's own listen has it", async () => {
    const taken = make().listen(0)
    const { port } = taken.address() as AddressInfo
    const server = endless(make(), quiet).listen(port)
    const error = await new Promise((resolve) => server.once('error', resolve))
    expect(error).toMatchObject({ code: 'EADDRINUSE', syscall: 'listen', port })
    taken.close()
  })

  test('http2 makes it an HTTP/2 server', () => {
    const server = endless(make(), { ...quiet, http2: {} }).listen(0)
    expect(server.constructor).toBe(createSecureServer().constructor)
  })

  test('with a stand-in nothing is installed, and health is live', async () => {
    const server = endless(make(), { upgrader: testUpgrader() }).listen(0)
    await request(server).get('/health').expect(200, { health: 'live' })
    await request(server).post('/health').expect(200, 'hello')
    expect(handlers()).toEqual(none)
    server.close()
  })
})

test('bad options throw at once', () => {
  expect(() => endless(new Koa(), { probation: '1s' } as never)).toThrow(/"probation": expected/)
  expect(() => endless(new Koa(), { http2: {}, https: {} })).toThrow(/no "https" beside "http2"/)
})

test.each([true, false])(
  'with a predecessor (%s) what Koa 3 asks of its first body is loaded',
  (hasParent) => {
    const loaded = vi.fn(() => class {})
    const original = Object.getOwnPropertyDescriptor(globalThis, 'Response') ?? {}
    Object.defineProperty(globalThis, 'Response', { configurable: true, get: loaded })
    try {
      const upgrader = { ...testUpgrader(), hasParent }
      endless(new Koa(), { upgrader }).listen(0).close()
    } finally {
      Object.defineProperty(globalThis, 'Response', original)
    }
    expect(loaded).toHaveBeenCalledTimes(hasParent ? 1 : 0)
  },
)
