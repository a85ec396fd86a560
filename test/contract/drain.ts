import { expect, test } from 'vitest'
import { load, request } from '../support/client/index.js'
import { upgradesLoseNothing } from '../support/lossless.js'
import { isAlive } from '../support/processes.js'
import { get, Raw } from '../support/raw.js'
import { type Adapter, type Start, starter } from './adapter.js'

export function drains(adapter: Adapter): void {
  const starts = starter(adapter)
  const start: Start = ({ options, ...rest } = {}) =>
    starts({ ...rest, options: { migrate: false, ...options } })

  test('what is in flight finishes in the old generation, whatever it is', async () => {
    await using service = await start()
    const target = { port: service.port() }
    const upload = await Raw.open(service.port())
    upload.write('POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345')
    const others = [
      request({ target, method: 'GET', url: '/slow?from=drain&ms=200' }),
      request({ target, method: 'GET', url: '/download' }),
    ]
    await service.until({ event: 'request', path: '/upload' })
    await service.until({ event: 'request', path: '/slow' })
    await service.until({ event: 'request', path: '/download' })
    const { successor } = await service.hup()
    upload.write('67890')
    for (const reply of await Promise.all(others)) expect(reply.status).toBe(200)
    expect((await others[1])?.body.length).toBe(1_000_000)
    await upload.until((text) => text.endsWith('}'))
    expect(upload.text).toContain(`{"pid":${service.pid},"length":10}`)
    expect(upload.text).toContain('Connection: close')
    expect(await service.exited).toEqual({ code: 0, signal: null })
    expect(isAlive(Number(successor))).toBe(true)
    await service.stop()
  })

  test('pipelined requests are all answered; the last response says close', async () => {
    await using service = await start()
    const raw = await Raw.open(service.port())
    raw.write(['100', '200', '0'].map((ms) => get(`/slow?from=drain&ms=${ms}`)).join(''))
    await service.until({ event: 'request' })
    await service.hup()
    await service.until({ event: 'drain', phase: 'start' })
    await raw.closed()
    expect(raw.text.match(/200 OK/g)).toHaveLength(3)
    expect(raw.text.match(/Connection: (close|keep-alive)/g)).toEqual([
      'Connection: keep-alive',
      'Connection: keep-alive',
      'Connection: close',
    ])
    await service.stop()
  })

  test('Expect: 100-continue that waits for its body is answered', async () => {
    await using service = await start()
    const raw = await Raw.open(service.port())
    raw.write(
      'POST /upload HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n',
    )
    await raw.until((text) => text.includes('100 Continue'))
    await service.hup()
    raw.write('body')
    await raw.until((text) => text.endsWith('}'))
    expect(raw.text).toContain(`{"pid":${service.pid},"length":4}`)
    await service.gone(service.pid)
    await service.stop()
  })

  test('a stream that never ends is told by drainSignal, and the drain does not wait', async () => {
    await using service = await start()
    const stream = request({ target: { port: service.port() }, method: 'GET', url: '/events' })
    await service.until({ event: 'request', path: '/events' })
    await service.hup()
    expect((await stream).body.toString()).toContain('data: bye')
    expect(await service.exited).toEqual({ code: 0, signal: null })
    await service.stop()
  })
}

export function drainsIdle(adapter: Adapter): void {
  const starts = starter(adapter)
  const start: Start = ({ options, ...rest } = {}) =>
    starts({ ...rest, options: { migrate: false, ...options } })

  test('an idle keep-alive connection is served once more, and told to close', async () => {
    await using service = await start({ env: { KEEP_ALIVE: '30000' } })
    const raw = await Raw.open(service.port())
    raw.write(get('/pid'))
    await raw.until((text) => text.endsWith('}'))
    expect(raw.text).toContain('Connection: keep-alive')
    await service.hup()
    await service.until({ event: 'drain', phase: 'start' })
    const before = raw.text.length
    raw.write(get('/pid'))
    await raw.until((text) => text.slice(before).endsWith('}'))
    expect(raw.text.slice(before)).toContain(`{"pid":${service.pid}`)
    expect(raw.text.slice(before)).toContain('Connection: close')
    await service.gone(service.pid)
    await service.stop()
  })

  test('an idle keep-alive connection that stays idle is kept until its timeout', async () => {
    await using service = await start()
    const raw = await Raw.open(service.port())
    raw.write(get('/pid'))
    await raw.until((text) => text.endsWith('}'))
    const idleSince = performance.now()
    const closed = raw.closed().then(() => performance.now() - idleSince)
    await service.hup()
    // keepAliveTimeout of the fixture, which Node's own timer may round down by a millisecond.
    expect(await closed).toBeGreaterThanOrEqual(990)
    expect(await service.exited).toEqual({ code: 0, signal: null })
    await service.stop()
  })

  test('a head that is half sent when the drain begins is answered', async () => {
    await using service = await start()
    const raw = await Raw.open(service.port())
    raw.write('GET /pid HTTP/1.1\r\nHo')
    const probe = load({ target: { port: service.port() }, connections: 1 })
    await probe.progress(5)
    await probe.stop()
    await service.hup()
    raw.write('st: x\r\n\r\n')
    await raw.until((text) => text.endsWith('}'))
    expect(raw.text).toContain(`{"pid":${service.pid}`)
    await service.gone(service.pid)
    await service.stop()
  })

  test('silent connections and half-sent requests have a deadline', async () => {
    const options = { stallTimeout: 500, hammerTime: 60_000 }
    await using service = await start({ options })
    const silent = await Raw.open(service.port())
    const head = await Raw.open(service.port())
    head.write('GET /pid HTTP/1.1\r\nHo')
    const body = await Raw.open(service.port())
    body.write('POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345')
    await service.until({ event: 'request', path: '/upload' })
    await service.hup()
    await Promise.all([silent, head, body].map((one) => one.closed()))
    expect(silent.text).toBe('')
    expect(head.text).toMatch(/^HTTP\/1.1 408 /)
    expect(await service.exited).toEqual({ code: 0, signal: null })
    await service.untilStderr(/Gave up waiting for silent connection/)
    await service.untilStderr(/Gave up waiting for partial connection/)
    await service.untilStderr(/Gave up waiting for POST \/upload/)
    expect(service.all({ event: 'hammer' })).toEqual([])
    await service.stop()
  })

  test('nobody accepts twice, nobody refuses: each new connection finds a generation', async () => {
    await using service = await start()
    const target = { port: service.port() }
    const fresh = load({ target, connections: 20, mode: 'new-connection', thinkTime: [0, 10] })
    await upgradesLoseNothing(service, [fresh], { answers: 100 })
  })
}
