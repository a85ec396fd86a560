import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { Client, get, until } from '../node/specs/servers.js'
import { drainingInEachTest, never, post, stallTimeout } from './specs/draining.js'

const { served, stalled, begin } = drainingInEachTest()
const reading: RequestListener = (request) => void request.resume()

describe('a client that keeps us waiting', () => {
  test.each([
    ['that never sent a byte is ended', '', 'silent', 'silent connection', /^$/],
    [
      'with half a head gets a 408',
      get.slice(0, 9),
      'partial',
      'partial connection',
      /^HTTP\/1.1 408 .*\r\nConnection: close\r\n\r\n$/,
    ],
    ['with half a body is cut', `${post}half`, 'active', 'POST /upload, 10.0 s old', /^$/],
  ] as const)('%s, after the stall timeout and not before', async (_, text, kind, what, answer) => {
    const one = await served.client(await served.listen(createServer(reading)), text, kind)
    const { ended } = begin()
    vi.advanceTimersByTime(stallTimeout - 1)
    await turn()
    expect([served.connections.size, stalled]).toEqual([1, []])
    vi.advanceTimersByTime(1)
    await Promise.all([ended, once(one.socket, 'close')])
    expect(stalled).toEqual([what])
    expect(one.text).toMatch(answer)
  })

  test.each([
    ['half a head', get.slice(0, -4), 'partial', 'x'],
    ['half a body', `${post}half`, 'active', 'x'],
  ] as const)('is waited for while something comes: %s', async (_, text, kind, more) => {
    const one = await served.client(await served.listen(createServer(reading)), text, kind)
    const [connection] = served.connections
    const { ended } = begin()
    for (let n = 1; n <= 5; n++) {
      vi.advanceTimersByTime(stallTimeout - 1_000)
      const read = connection?.socket.bytesRead ?? 0
      one.socket.write(more)
      await until(() => (connection?.socket.bytesRead ?? 0) > read)
    }
    expect([served.connections.size, stalled]).toEqual([1, []])
    vi.advanceTimersByTime(stallTimeout + 1_000)
    await ended
    expect(stalled).toHaveLength(1)
  })
})

describe('what waits for the server, or for time, is never cut', () => {
  const large: RequestListener = (_, response) => void response.end(Buffer.alloc(30_000_000))
  const continued = post.replace('Host', 'Expect: 100-continue\r\nHost')

  test.each([
    ['a request that is answered late', never, get],
    ['a whole body that the app does not read', never, `${post}${'x'.repeat(100)}`],
    [
      'a body of which the app has enough unread',
      never,
      `${post.replace('100', '999999')}${'x'.repeat(200_000)}`,
    ],
    ['a client that waits for 100 Continue', reading, continued],
  ])('%s', async (_, app, text) => {
    const server = createServer(app)
    server.on('checkContinue', () => {})
    const request: Promise<Readable[]> = once(server, 'request')
    await served.client(await served.listen(server), text, 'active')
    if (text.length > 100_000) {
      const [body] = await request
      await until(() => !!body && body.readableLength >= body.readableHighWaterMark)
    }
    begin()
    vi.advanceTimersByTime(10 * stallTimeout)
    await turn()
    expect([served.connections.size, stalled]).toEqual([1, []])
  })

  test('a client that reads slowly gets all of it', async () => {
    const one = new Client(await served.listen(createServer(large)))
    one.socket.pause().write(get)
    await until(() => served.connections.inFlight === 1)
    begin()
    vi.advanceTimersByTime(10 * stallTimeout)
    await turn()
    expect([served.connections.inFlight, stalled]).toEqual([1, []])
    one.socket.resume()
    await until(() => served.connections.inFlight === 0)
    await until(() => one.text.length > 30_000_000)
  })

  test('a connection that left http', async () => {
    const server = createServer()
    server.on('upgrade', (_, socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'))
    const upgrade = get.replace('Host', 'Connection: Upgrade\r\nUpgrade: x\r\nHost')
    await served.client(await served.listen(server), upgrade, 'upgraded')
    begin()
    vi.advanceTimersByTime(10 * stallTimeout)
    await turn()
    expect([served.connections.size, stalled]).toEqual([1, []])
  })
})
