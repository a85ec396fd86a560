import { expect, test } from 'vitest'
import { type Load, load, type Mode, request } from '../support/client/index.js'
import { ask } from '../support/crowd.js'
import { get, Raw } from '../support/raw.js'
import type { Service } from '../support/service.js'
import { type Adapter, starter } from './adapter.js'

const modes: Mode[] = ['keep-alive', 'two-segments', 'pipelined', 'chunked', 'expect-continue']

/** Settles when that many have moved, and no other connection was there. */
async function moved(service: Service, count: number): Promise<void> {
  const end = await service.until({ event: 'drain', phase: 'end', pid: service.pid })
  expect(end).toMatchObject({ moved: count, drained: 0, cut: 0 })
  expect(await service.exited).toEqual({ code: 0, signal: null })
}

export function migrates(adapter: Adapter): void {
  // A machine that is slow is not to make an idle connection end.
  const start = (): Promise<Service> => starter(adapter)({ env: { KEEP_ALIVE: '30000' } })

  test('what has begun is answered by the old one, keep-alive; then the connection moves', async () => {
    await using service = await start()
    const open = (): Promise<Raw> => Raw.open(service.port())
    const [slow, head, body, expecting, pipelined] = [
      await open(),
      await open(),
      await open(),
      await open(),
      await open(),
    ]
    const post = 'POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n'
    head.write('GET /pid HTTP/1.1\r\nHo')
    body.write(`${post}\r\n12345`)
    expecting.write(`${post}Expect: 100-continue\r\n\r\n`)
    await expecting.until((text) => text.includes('100 Continue'))
    pipelined.write(['100', '150', '0'].map((ms) => get(`/slow?from=drain&ms=${ms}`)).join(''))
    slow.write(get('/slow?from=drain&ms=50'))
    await service.until({ event: 'request', path: '/upload' })
    const probe = load({ target: { port: service.port() }, connections: 1 })
    await probe.progress(5)
    await probe.stop()
    const pid = Number((await service.hup()).successor)
    head.write('st: x\r\n\r\n')
    body.write('67890')
    expecting.write('1234567890')
    const all = [slow, head, body, expecting, pipelined]
    await Promise.all(all.map((raw) => raw.until((text) => text.endsWith('}'))))
    await pipelined.until((text) => text.split('200 OK').length > 3)
    await moved(service, all.length)
    for (const raw of all) {
      expect(raw.text).toContain(`{"pid":${service.pid}`)
      expect(raw.text).not.toMatch(/connection: close/i)
      expect(await ask(raw, '/pid')).toMatchObject({ pid, close: false })
      raw.socket.destroy()
    }
    await service.stop()
  })

  test('under load: none fails, and no client ever connects again', async () => {
    await using service = await start()
    const target = { port: service.port() }
    const loads = modes.map((mode) => load({ target, mode, connections: 8, thinkTime: [0, 30] }))
    const progress = (one: Load): Promise<void> => one.progress(16)
    await Promise.all(loads.map(progress))
    for (let n = 0; n < 3; n++) {
      await service.upgrade()
      await Promise.all(loads.map(progress))
    }
    for (const one of loads) {
      const { connections, failed, ok, reconnects, samples, sent } = await one.stop()
      expect(failed, samples.join('\n')).toBe(0)
      expect({ connections, ok, reconnects }).toEqual({ connections: 8, ok: sent, reconnects: 0 })
    }
    const ends = service.all({ event: 'drain', phase: 'end' })
    expect(ends).toMatchObject(Array(3).fill({ moved: 40, drained: 0, cut: 0 }))
    await service.stop()
  })
}

export function migratesIdle(adapter: Adapter): void {
  // A machine that is slow is not to make an idle connection end.
  const start = (): Promise<Service> => starter(adapter)({ env: { KEEP_ALIVE: '30000' } })

  test('idle and silent ones: the successor answers on the same socket', async () => {
    await using service = await start()
    const [idle, silent] = [await Raw.open(service.port()), await Raw.open(service.port())]
    // What is answered was accepted, and so was what came before it.
    const { localPort: port } = idle.socket
    expect(await ask(idle, '/peer')).toMatchObject({ pid: service.pid, body: { port } })
    await request({ target: { port: service.port() }, method: 'GET', url: '/pid' })
    const pid = Number((await service.hup()).successor)
    await moved(service, 2)
    for (const raw of [idle, silent]) {
      const { localPort: port } = raw.socket
      expect(await ask(raw, '/peer')).toMatchObject({ pid, close: false, body: { port } })
      raw.socket.destroy()
    }
    await service.stop()
  })

  test('an idle one ends when its time since the last response is over, not later', async () => {
    await using service = await starter(adapter)()
    const raw = await Raw.open(service.port())
    await ask(raw, '/pid')
    const answeredAt = performance.now()
    const closed = raw.closed().then(() => performance.now())
    // So that a clock that starts anew shows.
    await request({ target: { port: service.port() }, method: 'GET', url: '/slow?ms=700' })
    await service.hup()
    const servesAt = performance.now()
    await moved(service, 1)
    const closedAt = await closed
    // keepAliveTimeout, which Node's own timer may round down, and the second that Node adds to it.
    expect(closedAt - answeredAt).toBeGreaterThanOrEqual(990)
    expect(closedAt - servesAt).toBeLessThan(2_000 - 350)
    await service.stop()
  })
}
