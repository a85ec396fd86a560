import { expect, test } from 'vitest'
import { request } from '../support/client/index.js'
import { isAlive } from '../support/processes.js'
import { get, Raw } from '../support/raw.js'
import type { Service } from '../support/service.js'
import { type Adapter, starter } from './adapter.js'

const upgradeHead = `${get('/').trimEnd()}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`

/** A connection with a request on it that is never answered. */
async function hang(service: Service): Promise<Raw> {
  const raw = await Raw.open(service.port())
  raw.write(get('/hang?why=stuck'))
  await service.until({ event: 'request', path: '/hang' })
  return raw
}

export function stops(adapter: Adapter): void {
  const start = starter(adapter)

  test('the hammer falls hammerTime after the drain began, and names what it cut', async () => {
    await using service = await start({ options: { hammerTime: 500 } })
    const raw = await hang(service)
    await service.hup()
    await raw.closed()
    // By the clock of the process that drained: ours may have been late to hear of it.
    const { ms } = await service.until({ event: 'drain', phase: 'end' })
    expect(Number(ms)).toBeGreaterThan(490)
    expect(await service.exited).toEqual({ code: 1, signal: null })
    const { requests } = await service.until({ event: 'hammer' })
    expect(requests).toEqual([expect.stringMatching(/^GET \/hang\?why=stuck, \d+\.\d s old$/)])
    await service.untilStderr(/\[STOP - Hammer Time\] Cut 1 connections; GET \/hang\?why=stuck, /)
    await service.stop()
  })

  test('a stop is the same drain without a successor: what is in flight finishes', async () => {
    await using service = await start()
    const target = { port: service.port() }
    const slow = request({ target, method: 'GET', url: '/slow?from=drain&ms=300' })
    await service.until({ event: 'request' })
    service.signal('SIGTERM')
    await service.until({ event: 'drain', phase: 'start', reason: 'shutdown' })
    await expect(request({ target, url: '/' })).rejects.toMatchObject({ kind: 'refused' })
    const reply = await slow
    expect(reply).toMatchObject({ status: 200, headers: { connection: 'close' } })
    expect(await service.exited).toEqual({ code: 0, signal: null })
  })

  test('idle connections hold a stop for idleGrace, and are answered until then', async () => {
    await using service = await start({ env: { KEEP_ALIVE: '60000' } })
    const [idle, asks] = [await Raw.open(service.port()), await Raw.open(service.port())]
    for (const raw of [idle, asks]) {
      raw.write(get('/pid'))
      await raw.until((text) => text.endsWith('}'))
      raw.text = ''
    }
    service.signal('SIGTERM')
    await service.until({ event: 'drain', phase: 'start' })
    asks.write(get('/pid'))
    await asks.closed()
    expect(asks.text).toContain(`{"pid":${service.pid}`)
    expect(asks.text).toMatch(/^connection: close\r$/im)
    await idle.closed()
    expect(idle.text).toBe('')
    expect(await service.exited).toEqual({ code: 0, signal: null })
    expect(service.all({ event: 'hammer' })).toEqual([])
  })
}

export function hammers(adapter: Adapter): void {
  const start = starter(adapter)

  test('the hammer signal is ignored while nothing drains', async () => {
    await using service = await start({ options: { hammerTime: false } })
    service.signal('SIGUSR2')
    await service.untilStderr(/Received SIGUSR2\. Nothing drains: ignored\./)
    await service.stop()
    expect(service.all({ event: 'hammer' })).toEqual([])
  })

  test('hammerTime false: only the signal', async () => {
    await using service = await start({ options: { hammerTime: false } })
    const raw = await hang(service)
    await service.hup()
    await service.until({ event: 'drain', phase: 'start' })
    const reply = await request({ target: { port: service.port() }, method: 'GET', url: '/pid' })
    expect(reply.status).toBe(200)
    expect(isAlive(service.pid)).toBe(true)
    service.signal('SIGUSR2', service.pid)
    await raw.closed()
    expect(await service.exited).toEqual({ code: 1, signal: null })
    await service.stop()
  })

  test('a hammer that cuts only idle connections is no failure: exit code 0', async () => {
    await using service = await start({ options: { migrate: false, hammerTime: 300 } })
    const raw = await Raw.open(service.port())
    raw.write(get('/pid'))
    await raw.until((text) => text.endsWith('}'))
    await service.hup()
    await raw.closed()
    expect(await service.exited).toEqual({ code: 0, signal: null })
    expect(service.all({ event: 'hammer' })).toHaveLength(1)
    await service.stop()
  })

  test('an upgraded socket that does not go is hammered last', async () => {
    await using service = await start({ options: { hammerTime: 600 } })
    const raw = await Raw.open(service.port())
    raw.write(upgradeHead)
    await raw.until((text) => text.includes('101 Switching'))
    await service.hup()
    await service.until({ event: 'drain', phase: 'start' })
    await raw.closed()
    expect(await service.exited).toEqual({ code: 1, signal: null })
    await service.stop()
  })

  test.each([
    ['SIGTERM', 'SIGTERM'],
    ['SIGINT', 'SIGINT'],
    ['SIGTERM', 'SIGINT'],
  ] as const)('a second signal ends at once: %s, then %s', async (first, second) => {
    await using service = await start()
    const raw = await hang(service)
    service.signal(first)
    await service.until({ event: 'drain', phase: 'start' })
    service.signal(second)
    await raw.closed()
    expect(await service.exited).toEqual({ code: 1, signal: null })
    expect(service.all({ event: 'hammer' })).toHaveLength(1)
  })

  test('shutdownDelay: a stop serves on this long before it drains', async () => {
    await using service = await start({ options: { shutdownDelay: 700 } })
    const began = performance.now()
    service.signal('SIGTERM')
    await service.until({ event: 'state', to: 'draining' })
    const raw = await Raw.open(service.port())
    raw.write(get('/status'))
    await raw.until((text) => text.endsWith('}'))
    expect(raw.text).toContain('"state":"draining"')
    expect(raw.text).toContain('Connection: keep-alive')
    await service.until({ event: 'drain', phase: 'start' })
    expect(performance.now() - began).toBeGreaterThan(690)
    expect(await service.exited).toEqual({ code: 0, signal: null })
  })

  test('a second signal during shutdownDelay ends at once', async () => {
    await using service = await start({ options: { shutdownDelay: 60_000 } })
    service.signal('SIGTERM')
    await service.until({ event: 'state', to: 'draining' })
    service.signal('SIGTERM')
    expect(await service.exited).toEqual({ code: 0, signal: null })
  })

  test('shutdownDelay does not delay an upgrade', async () => {
    await using service = await start({ options: { shutdownDelay: 60_000 } })
    const old = service.current
    expect(await service.upgrade()).not.toBe(old)
  })
}
