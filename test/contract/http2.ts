import { once } from 'node:events'
import { type ClientHttp2Session, connect, constants } from 'node:http2'
import { expect, test } from 'vitest'
import { load } from '../support/client/index.js'
import { Http2Load } from '../support/http2.js'
import { upgrades } from '../support/lossless.js'
import { Unbidden } from '../support/unbidden.js'
import type { Adapter } from './adapter.js'
import { secure } from './secure.js'

/** One request on a session: its status and body. */
async function ask(session: ClientHttp2Session, path: string): Promise<string> {
  const stream = session.request({ ':path': path })
  stream.setEncoding('utf8')
  let text = ''
  stream.on('data', (chunk: string) => {
    text += chunk
  })
  await once(stream, 'close')
  return text
}

export function speaksHttp2(adapter: Adapter): void {
  const { certificate, start } = secure(adapter, { HTTP2: '1' })

  test('upgrades under load: no stream fails, h2 and h1 by ALPN on one port', async () => {
    await using service = await start()
    const tls = { ca: certificate().cert, servername: 'localhost' }
    const h2 = new Http2Load(service.port(), { ca: certificate().cert })
    const h1 = load({ target: { port: service.port() }, tls, connections: 4, thinkTime: [0, 10] })
    for (let n = 0; n < upgrades; n++) {
      await Promise.all([h2.progress(50), h1.progress(10)])
      await service.upgrade()
    }
    await h2.progress(50)
    const { failures, sent, ok, pids } = await h2.stop()
    expect(failures).toEqual([])
    expect(ok).toBe(sent)
    expect(pids.size).toBe(upgrades + 1)
    const report = await h1.stop()
    expect(report.failed, report.samples.join('\n')).toBe(0)
    await service.stop()
    expect(service.all({ event: 'exit' }).map((one) => one.code)).toEqual(
      Array(upgrades + 1).fill(0),
    )
  })

  test('http2Notice: who begins requests unbidden has none of them refused', async () => {
    await using service = await start({ http2Notice: true })
    const connections = 20
    const client = new Unbidden(service.port(), certificate().cert, connections)
    for (let n = 0; n < upgrades; n++) {
      await client.progress(500)
      await service.upgrade()
    }
    await client.progress(500)
    const { failures, goaways, ok, refused, sent, notices } = await client.stop()
    expect(failures).toEqual([])
    expect(refused).toBe(0)
    expect(ok).toBe(sent)
    // With the option off there is none of them, and some are refused.
    expect(notices).toBeGreaterThanOrEqual(upgrades * connections)
    expect(goaways).toBeLessThanOrEqual(notices)
    await service.stop()
    expect(service.all({ event: 'exit' }).map((one) => one.code)).toEqual(
      Array(upgrades + 1).fill(0),
    )
  })

  test('a request whose end comes while it waits for the GOAWAY is answered', async () => {
    await using service = await start()
    const session = connect(`https://localhost:${service.port()}`, { ca: certificate().cert })
    await once(session, 'remoteSettings')
    const told = once(session, 'goaway')
    // The server waits for the first request of a session for a second.
    const pinged = once(session, 'ping')
    await service.hup()
    await pinged
    const stream = session.request({ ':method': 'POST', ':path': '/' }).setEncoding('utf8')
    await new Promise((resolve) => session.ping(resolve))
    stream.end()
    await told
    expect(JSON.parse((await stream.toArray()).join(''))).toEqual({ pid: service.pid, length: 0 })
    if (!session.closed) await once(session, 'close')
    expect(await service.exited).toEqual({ code: 0, signal: null })
    await service.stop()
  })

  test('a GOAWAY names the last stream, which finishes', async () => {
    await using service = await start()
    const session = connect(`https://localhost:${service.port()}`, { ca: certificate().cert })
    const slow = ask(session, '/slow?from=drain&ms=100')
    await service.until({ event: 'request', path: '/slow' })
    const told = once(session, 'goaway')
    await service.hup()
    expect(await told).toEqual([constants.NGHTTP2_NO_ERROR, 1, undefined])
    expect(JSON.parse(await slow)).toEqual({ pid: service.pid })
    if (!session.closed) await once(session, 'close')
    expect(await service.exited).toEqual({ code: 0, signal: null })
    await service.stop()
  })
}

export function endsHttp2(adapter: Adapter): void {
  const { certificate, start } = secure(adapter, { HTTP2: '1' })

  test('an idle session is told to go, and holds nothing', async () => {
    await using service = await start()
    const session = connect(`https://localhost:${service.port()}`, { ca: certificate().cert })
    expect(JSON.parse(await ask(session, '/pid'))).toMatchObject({ pid: service.pid })
    const closed = once(session, 'close')
    await service.hup()
    await closed
    expect(await service.exited).toEqual({ code: 0, signal: null })
    await service.stop()
  })

  test('a stream that hangs is hammered, by name', async () => {
    await using service = await start({ hammerTime: 400 })
    const session = connect(`https://localhost:${service.port()}`, { ca: certificate().cert })
    session.on('error', () => {})
    const stream = session.request({ ':path': '/hang' })
    stream.on('error', () => {})
    await service.until({ event: 'request', path: '/hang' })
    await service.hup()
    expect(await service.exited).toEqual({ code: 1, signal: null })
    const { requests } = await service.until({ event: 'hammer' })
    expect(requests).toEqual([expect.stringMatching(/^GET \/hang, /)])
    await service.stop()
  })
}
