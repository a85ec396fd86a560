import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { endless, upgrader } from './index.js'

type AnyListen = (...args: unknown[]) => Server
interface App extends RequestListener {
  listen: AnyListen
}

const require = createRequire(import.meta.url)
let servers: Server[] = []
let directory = ''
let taken = 0
const squatter = createServer()

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'endless-parity-'))
  squatter.listen(0)
  await once(squatter, 'listening')
  taken = (squatter.address() as AddressInfo).port
})

afterEach(async () => {
  await upgrader().uninstall()
  for (const server of [squatter, ...servers]) server.close()
  servers = []
  rmSync(directory, { recursive: true })
})

/** What happens, step by step, to whoever calls `listen` with these arguments and a callback. */
async function story(listen: AnyListen, args: unknown[], withCallback: boolean): Promise<unknown> {
  const told: unknown[] = []
  const callback = function (this: unknown, ...results: unknown[]): void {
    told.push(['callback', this instanceof createHttpServer().constructor, results.map(codeOf)])
  }
  const server = listen(...args, ...(withCallback ? [callback] : []))
  servers.push(server)
  told.push(['returned', server.listening, server.address() !== null])
  told.push(['error listeners', server.listenerCount('error')])
  told.push(['listening listeners', server.listenerCount('listening')])
  const end = new Promise<void>((resolve) => {
    server.once('listening', () => resolve(void told.push('listening')))
    server.once('error', (error) => resolve(void told.push(['error', codeOf(error)])))
  })
  await end
  await turn()
  told.push(['settled', server.listening, server.address() !== null])
  told.push(['error listeners', server.listenerCount('error')])
  // An error later in its life.
  server.once('error', (error) => void told.push(['late', error.message]))
  server.emit('error', new Error('late'))
  return told
}

function codeOf(error: unknown): unknown {
  const { code, syscall, port, message } = error as NodeJS.ErrnoException & { port?: number }
  return { code, syscall, port, message }
}

function thrownBy(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    const { name, message, code } = error as NodeJS.ErrnoException
    return { name, message, code }
  }
  return 'nothing'
}

describe.each(['express', 'express-5-first', 'express-4-last', 'express-4-first'])(
  '%s: with us and without us',
  (version) => {
    const express: () => App = require(version)

    function both(): { plain: AnyListen; ours: AnyListen } {
      const app = express()
      const { listen } = endless(express(), { logger: false })
      return { plain: app.listen.bind(app), ours: listen as AnyListen }
    }

    describe.each([
      ['without a callback', false],
      ['with a callback', true],
    ])('%s', (_, withCallback) => {
      test.each([
        ['a free port', () => [0]],
        ['a free port of a host', () => [0, '127.0.0.1']],
        ['a free port of a host, with a backlog', () => [0, '127.0.0.1', 1]],
        ['no port', () => []],
        ['a free port in options', () => [{ port: 0 }]],
        ['a port that is taken', () => [taken]],
        ['a port that is taken, of a host', () => [taken, '127.0.0.1']],
        ['a port that is taken, in options', () => [{ port: taken, exclusive: true }]],
        ['an address that is not ours', () => [0, '192.0.2.1']],
      ])('%s goes the same way', async (_, args) => {
        const { plain, ours } = both()
        const expected = await story(plain, args(), withCallback)
        expect(await story(ours, args(), withCallback)).toEqual(expected)
      })

      test.each(['file', join('missing', 'a.sock')])('a path that cannot be: %s', async (name) => {
        writeFileSync(join(directory, 'file'), '')
        const { plain, ours } = both()
        const path = join(directory, name)
        const codes = (told: unknown): unknown => JSON.stringify(told).match(/"E[A-Z]+"/g)
        const expected = await story(plain, [path], withCallback)
        expect(codes(await story(ours, [path], withCallback))).toEqual(codes(expected))
      })
    })

    test('the callback hears what that version tells it', async () => {
      const told = await story(both().ours, [taken], true)
      const failed = ['callback', true, [expect.objectContaining({ code: 'EADDRINUSE' })]]
      const fresh = version.startsWith('express-4') ? [] : [failed]
      expect((told as unknown[]).filter((one) => JSON.stringify(one).includes('callback'))).toEqual(
        fresh,
      )
    })

    test.each([
      ['a port that is too large', [65_536]],
      ['a port that is negative', [-1]],
      ['a port in options that is none', [{ port: 'none' }]],
      ['options without anything', [{}]],
      ['a bad backlog', [{ port: 0, signal: 'none' }]],
    ])('%s throws at once, in the same words', (_, args) => {
      const { plain, ours } = both()
      const expected = thrownBy(() => plain(...args))
      expect(expected).not.toBe('nothing')
      expect(thrownBy(() => ours(...args))).toEqual(expected)
      expect(thrownBy(() => ours(...args, () => {}))).toEqual(expected)
    })

    test('a server that listens refuses to listen again, in the same words', async () => {
      const { plain, ours } = both()
      const [expected, received] = [plain, ours].map((listen) => {
        const server = listen(0)
        servers.push(server)
        return thrownBy(() => server.listen(0))
      })
      expect(expected).toMatchObject({ code: 'ERR_SERVER_ALREADY_LISTEN' })
      expect(received).toEqual(expected)
    })

    test('a server that was closed listens again', async () => {
      for (const listen of Object.values(both())) {
        const server = listen(0)
        await new Promise((resolve) => server.close(resolve))
        expect([server.listening, server.address()]).toEqual([false, null])
        server.listen(0)
        servers.push(server)
        await once(server, 'listening')
      }
    })
  },
)
