import { expect, test } from 'vitest'
import { load, request } from '../support/client/index.js'
import { get, Raw } from '../support/raw.js'
import { type Adapter, starter } from './adapter.js'

export function hasHealth(adapter: Adapter): void {
  const start = starter(adapter)

  test('ready, and never 503 over upgrades', async () => {
    await using service = await start()
    const target = { port: service.port() }
    const watch = load({ target, method: 'GET', url: '/health', connections: 4, thinkTime: 1 })
    for (let n = 0; n < 2; n++) {
      await watch.progress(10)
      await service.upgrade()
    }
    const { failed, samples } = await watch.stop()
    expect(failed, samples.join('\n')).toBe(0)
    const reply = await request({ target, method: 'GET', url: '/health' })
    expect(reply.headers['content-type']).toMatch(/^application\/json/)
    expect(JSON.parse(reply.body.toString())).toMatchObject({
      health: 'ready',
      state: 'ready',
      generation: 2,
      pid: service.current,
      listeners: [{ origin: 'predecessor' }],
    })
    await service.stop()
  })

  test('a draining predecessor says so, with 200', async () => {
    await using service = await start({
      options: { migrate: false },
      env: { KEEP_ALIVE: '30000' },
    })
    const raw = await Raw.open(service.port())
    raw.write(get('/pid'))
    await raw.until((text) => text.endsWith('}'))
    await service.hup()
    await service.until({ event: 'drain', phase: 'start' })
    raw.text = ''
    raw.write(get('/health'))
    await raw.until((text) => text.endsWith('}'))
    expect(raw.text).toMatch(/^HTTP\/1.1 200 /)
    expect(raw.text).toContain('"health":"draining"')
    await service.gone(service.pid)
    await service.stop()
  })

  test('503 during the shutdownDelay of a final stop, while it serves on', async () => {
    await using service = await start({ options: { shutdownDelay: 600 } })
    const target = { port: service.port() }
    service.signal('SIGTERM')
    await service.until({ event: 'state', to: 'draining' })
    const health = await request({ target, method: 'GET', url: '/health' }).catch(
      (error: unknown) => error,
    )
    expect(health).toMatchObject({ kind: 'status', reply: { status: 503 } })
    const reply = await request({ target, method: 'GET', url: '/pid' })
    expect(reply.status).toBe(200)
    expect(await service.exited).toEqual({ code: 0, signal: null })
  })
}
