import { Server as HttpServer } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Upgrader } from '../api.js'
import { serveApp } from './serve.js'
import { upgrader } from './singleton.js'
import { testUpgrader } from './testing.js'

const key = Symbol.for('@endlessjs/core:upgrader')
const app = (): void => {}

afterEach(async () => {
  if (Reflect.has(process, key)) await upgrader().uninstall()
})

function spied() {
  return { ...testUpgrader(), configure: vi.fn(), attach: vi.fn() } satisfies Upgrader
}

describe('the upgrader', () => {
  test('is the one that is given, and then none is made for the process', () => {
    const given = spied()
    const { upgrader: used } = serveApp({ upgrader: given })
    expect(used).toBe(given)
    expect(Reflect.has(process, key)).toBe(false)
  })

  test("is the process's own without one", () => {
    expect(serveApp({ logger: false }).upgrader).toBe(upgrader())
  })

  test('gets the options of the process, and neither those of the server nor beforeBegin', () => {
    const given = spied()
    const onDrain = vi.fn()
    serveApp({ upgrader: given, hammerTime: 5, onDrain, http: {}, beforeBegin: vi.fn() })
    expect(given.configure.mock.calls).toEqual([[{ hammerTime: 5, onDrain }]])
  })

  test('gets each server with the beforeBegin of its app, to be ready by itself', () => {
    const given = spied()
    const beforeBegin = vi.fn()
    const { createServer } = serveApp({ upgrader: given, beforeBegin })
    const servers = [createServer(app), createServer(app)]
    expect(given.attach.mock.calls).toEqual(
      servers.map((server) => [server, { beforeBegin, autoReady: true }]),
    )
  })
})

describe('a server', () => {
  const create = (options: Parameters<typeof serveApp>[0]) =>
    serveApp({ upgrader: testUpgrader(), ...options }).createServer(app)

  test('speaks http by itself, with the app as its request listener', () => {
    const server = create({})
    expect(server).toBeInstanceOf(HttpServer)
    expect(server.listeners('request')).toEqual([app])
  })

  test('gets the options of http.createServer', () => {
    expect(create({ http: { keepAliveTimeout: 1234 } })).toMatchObject({ keepAliveTimeout: 1234 })
  })

  test('speaks TLS with https, and gets its options', () => {
    const server = create({ https: { keepAliveTimeout: 1234 } })
    expect(server).toBeInstanceOf(HttpsServer)
    expect(server).toMatchObject({ keepAliveTimeout: 1234 })
    expect(server.listeners('request')).toEqual([app])
  })

  test('is new at each call', () => {
    const { createServer } = serveApp({ upgrader: testUpgrader() })
    expect(createServer(app)).not.toBe(createServer(app))
  })
})

test.each([[{ hammerTime: -1 }], [{ nonsense: 1 } as object], [{ http: {}, https: {} }]])(
  'bad options throw before anything is made: %j',
  (options) => {
    expect(() => serveApp(options)).toThrow(expect.objectContaining({ code: 'ERR_ENDLESS_OPTION' }))
    expect(Reflect.has(process, key)).toBe(false)
  },
)
