import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { get, later } from '../node/specs/servers.js'
import { drainingInEachTest } from './specs/draining.js'

const { served, stalled, begin } = drainingInEachTest()
const [idleGrace, streamGrace] = [1_000, 2_000]

describe('what has no end of its own, when the process is to end', () => {
  const upgrade = 'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'

  test('ends after streamGrace, and not before: server-sent events', async () => {
    const { app, responses } = later()
    const one = await served.client(await served.listen(createServer(app)), get, 'active')
    responses[0]?.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' }).write('a')
    const draining = begin()
    draining.shorten(idleGrace, streamGrace)
    vi.advanceTimersByTime(streamGrace - 1)
    await turn()
    expect(served.connections.size).toBe(1)
    vi.advanceTimersByTime(idleGrace)
    await Promise.all([draining.ended, once(one.socket, 'close')])
    expect(stalled).toEqual([expect.stringMatching(/^GET \/, .* s old$/)])
    expect(draining.counts).toEqual({ moved: 0, drained: 1, cut: 0 })
  })

  test('ends after streamGrace: an upgraded socket', async () => {
    const server = createServer()
    server.on('upgrade', (_, socket) =>
      socket.on('error', () => {}).write('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
    )
    const one = await served.client(await served.listen(server), upgrade, 'upgraded')
    const draining = begin()
    draining.shorten(idleGrace, streamGrace)
    vi.advanceTimersByTime(streamGrace + idleGrace)
    await Promise.all([draining.ended, once(one.socket, 'close')])
    expect(stalled).toEqual(['an upgraded connection'])
  })

  test('leaves the other streams of an HTTP/2 session alone', async () => {
    const server = createHttp2Server()
    const answers: (() => void)[] = []
    server.on('stream', (stream, headers) => {
      const isEvents = headers[':path'] === '/events'
      stream.respond({ 'content-type': isEvents ? 'text/event-stream' : 'text/plain' })
      stream.write('a')
      answers.push(() => stream.end('b'))
    })
    await served.listen(server)
    const client = connect(`http://localhost:${(server.address() as AddressInfo).port}`)
    const [events, download] = ['/events', '/download'].map((path) =>
      client.request({ ':path': path }).setEncoding('utf8'),
    )
    let text = ''
    download?.on('data', (chunk: string) => {
      text += chunk
    })
    await Promise.all([once(events as never, 'data'), once(download as never, 'data')])
    const draining = begin()
    draining.shorten(idleGrace, streamGrace)
    vi.advanceTimersByTime(streamGrace + idleGrace)
    events?.resume()
    await once(events as never, 'close')
    expect(stalled).toEqual([expect.stringMatching(/^GET \/events, /)])
    answers[1]?.()
    await once(download as never, 'end')
    expect(text).toBe('ab')
    client.close()
    await draining.ended
  })

  test('is not what takes long: a response that was begun has the time of the hammer', async () => {
    const { app, responses } = later()
    await served.client(await served.listen(createServer(app)), get, 'active')
    responses[0]?.writeHead(200, { 'Content-Length': 4 }).write('ha')
    const draining = begin()
    draining.shorten(idleGrace, streamGrace)
    vi.advanceTimersByTime(30_000)
    await turn()
    expect([served.connections.size, stalled]).toEqual([1, []])
  })

  test('stays at an upgrade, for as long as the hammer lets it', async () => {
    const { app, responses } = later()
    await served.client(await served.listen(createServer(app)), get, 'active')
    responses[0]?.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('a')
    begin()
    vi.advanceTimersByTime(30_000)
    await turn()
    expect([served.connections.size, stalled]).toEqual([1, []])
  })
})
