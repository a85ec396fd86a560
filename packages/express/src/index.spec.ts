import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { get, type RequestListener, type RequestOptions, type Server } from 'node:http'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import supertest from 'supertest'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { endless, type Listen, upgrader } from './index.js'

interface App extends RequestListener {
  get(path: string, handler: RequestListener): void
}

const require = createRequire(import.meta.url)
let directory = ''

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'endless-express-'))
})

afterEach(async () => {
  await upgrader().uninstall()
  rmSync(directory, { recursive: true })
})

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function textOf(options: RequestOptions): Promise<string> {
  const [response] = await once(get(options), 'response')
  return (await response.setEncoding('utf8').toArray()).join('')
}

async function bound(server: Server): Promise<AddressInfo> {
  if (!server.listening) await once(server, 'listening')
  return server.address() as AddressInfo
}

describe.each(['express', 'express-5-first', 'express-4-last', 'express-4-first'])(
  '%s',
  (version) => {
    const express: () => App = require(version)

    /** `listen` of a new app. */
    const listening = ((...args: unknown[]) => {
      const app = express()
      app.get('/', (_, response) => void response.end(`hello from ${version}`))
      return Reflect.apply(endless(app, { logger: false }).listen, undefined, args)
    }) as Listen

    describe('listen takes', () => {
      const calls: Record<string, (listen: Listen, callback: () => void) => Server> = {
        nothing: (listen) => listen(),
        'a callback': (listen, callback) => listen(callback),
        'a port': (listen) => listen(0),
        'a port and a callback': (listen, callback) => listen(0, callback),
        'a port, a host and a callback': (listen, callback) => listen(0, '127.0.0.1', callback),
        'a host and a backlog': (listen, callback) => listen(0, '127.0.0.1', 5, callback),
        'a port as a string': (listen) => listen('0'),
        'a port and undefined': (listen) => listen(0, undefined),
        options: (listen) => listen({ port: 0, host: '127.0.0.1' }),
        'options and a callback': (listen, callback) => listen({ port: 0 }, callback),
        'a handle': (listen, callback) => listen(createServer().listen(0), callback),
      }

      test.each(Object.entries(calls))('%s', async (name, call) => {
        const callback = vi.fn()
        const server = call(listening, callback)
        const { port, address } = await bound(server)
        expect(port).toBeGreaterThan(0)
        if (String(call).includes('127.0.0.1')) expect(address).toBe('127.0.0.1')
        await supertest(server).get('/').expect(200, `hello from ${version}`)
        expect(callback).toHaveBeenCalledTimes(/callback|backlog|handle/.test(name) ? 1 : 0)
      })

      test('the port that it was given', async () => {
        const port = await freePort()
        expect(await bound(listening(port))).toMatchObject({ port })
      })

      test.each<[string, (listen: Listen, path: string, callback: () => void) => Server]>([
        ['a path', (listen, path, callback) => listen(path, callback)],
        ['a path in options', (listen, path, callback) => listen({ path }, callback)],
      ])('%s', async (_, call) => {
        const [path, callback] = [join(directory, 'app.sock'), vi.fn()]
        await once(call(listening, path, callback), 'listening')
        expect(await textOf({ socketPath: path })).toBe(`hello from ${version}`)
        expect(callback).toHaveBeenCalledOnce()
      })
    })

    test('the binding is as synchronous as Node makes it', () => {
      for (const server of [listening(), listening(0), listening(0, () => {}), listening('0')])
        expect(server.address()).toMatchObject({ port: expect.any(Number) })
    })

    test('supertest takes what listen returns', async () => {
      await supertest(listening(0)).get('/').expect(200, `hello from ${version}`)
      await supertest(listening(0)).get('/none').expect(404)
    })

    test('the process is ready by itself once all that listen are bound', async () => {
      const servers = [listening(0), listening(0, '127.0.0.1')]
      expect(upgrader().state).toBe('starting')
      for (const server of servers) await bound(server)
      await vi.waitFor(() => expect(upgrader().state).toBe('ready'), { interval: 1 })
      expect(
        upgrader()
          .status()
          .listeners.map(({ address }) => address),
      ).toEqual(expect.arrayContaining(servers.map((server) => server.address())))
    })

    test('requests in flight are counted', async () => {
      const app = express()
      app.get('/', (_, response) => void response.end(`${upgrader().inFlight}`))
      await supertest(endless(app, { logger: false }).listen(0))
        .get('/')
        .expect('1')
      await vi.waitFor(() => expect(upgrader().inFlight).toBe(0), { interval: 1 })
    })
  },
)
