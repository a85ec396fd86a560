import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { connect } from 'node:tls'
import { expect, test } from 'vitest'
import { load, request } from '../support/client/index.js'
import { upgradesLoseNothing } from '../support/lossless.js'
import type { Adapter } from './adapter.js'
import { secure } from './secure.js'

export function speaksTls(adapter: Adapter): void {
  const { certificate, start } = secure(adapter)

  test('HTTPS: upgrades under load lose no request', async () => {
    await using service = await start()
    const target = { port: service.port() }
    const tls = { ca: certificate().cert, servername: 'localhost' }
    const loads = [
      load({ target, tls, connections: 8, thinkTime: [0, 30] }),
      load({ target, tls, connections: 2, mode: 'new-connection', thinkTime: [0, 30] }),
      load({ target, tls, connections: 2, mode: 'two-segments', thinkTime: [0, 30] }),
      load({
        target,
        tls,
        connections: 2,
        url: '/?ms=50',
        body: Buffer.alloc(500_000),
        thinkTime: 50,
      }),
    ]
    await upgradesLoseNothing(service, loads)
  })

  test('HTTPS: what is in flight finishes, then the connection is told to close', async () => {
    await using service = await start()
    const target = { port: service.port() }
    const tls = { ca: certificate().cert, servername: 'localhost' }
    const slow = request({ target, tls, method: 'GET', url: '/slow?from=drain&ms=100' })
    await service.until({ event: 'request' })
    await service.hup()
    expect(JSON.parse((await slow).body.toString())).toEqual({ pid: service.pid })
    expect(await service.exited).toEqual({ code: 0, signal: null })
    await service.stop()
  })
}

export function keepsTls(adapter: Adapter): void {
  const { certificate, start } = secure(adapter)

  test('HTTPS: an idle connection is kept; one that never shakes hands has a deadline', async () => {
    await using service = await start({ stallTimeout: 500 })
    const idle = connect({ port: service.port(), ca: certificate().cert, servername: 'localhost' })
    await once(idle, 'secureConnect')
    idle.setEncoding('utf8').write('GET /pid HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(idle, 'data')
    const mute = connectTcp(service.port(), '127.0.0.1')
    await once(mute, 'connect')
    await service.hup()
    await service.until({ event: 'drain', phase: 'start' })
    idle.write('GET /pid HTTP/1.1\r\nHost: x\r\n\r\n')
    const [answer] = (await once(idle, 'data')) as [string]
    expect(answer).toContain('Connection: close')
    mute.resume()
    await once(mute, 'close')
    expect(await service.exited).toEqual({ code: 0, signal: null })
    await service.stop()
  })

  test('HTTPS: a client resumes its session on the successor', async () => {
    await using service = await start()
    const options = { port: service.port(), ca: certificate().cert, servername: 'localhost' }
    const first = connect(options)
    // With TLS 1.3 the ticket comes after the handshake.
    const [session] = (await once(first, 'session')) as [Buffer]
    expect(first.isSessionReused()).toBe(false)
    first.destroy()
    await service.upgrade()
    const second = connect({ ...options, session })
    await once(second, 'secureConnect')
    expect(second.isSessionReused()).toBe(true)
    second.destroy()
    await service.stop()
  })
}
