import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { load, request } from './support/client/index.js'
import { isAlive } from './support/processes.js'
import { get, Raw } from './support/raw.js'
import { fixture, Service, temporaryDirectory } from './support/service.js'

const script = fixture('server.js')

async function pidThat(service: Service): Promise<number> {
  const reply = await request({ target: { port: service.port() }, method: 'GET', url: '/pid' })
  return (JSON.parse(reply.body.toString()) as { pid: number }).pid
}

test('a successor that dies on probation: the old generation serves again', async () => {
  const pidFile = join(temporaryDirectory(), 'app.pid')
  await using service = await Service.start({ script, options: { probation: 60_000, pidFile } })
  const target = { port: service.port() }
  const fresh = load({ target, connections: 20, mode: 'new-connection', timeout: 5_000 })
  await fresh.progress(200)
  const { successor } = await service.hup()
  await service.until({ event: 'drain', phase: 'end' })
  await fresh.progress(200)
  expect(readFileSync(pidFile, 'utf8').trim()).toBe(String(successor))
  service.signal('SIGKILL', Number(successor))
  await service.untilStderr(/died on probation: this generation serves again/)
  await fresh.progress(200)
  expect(await pidThat(service)).toBe(service.pid)
  expect(readFileSync(pidFile, 'utf8').trim()).toBe(String(service.pid))
  // And it can be upgraded again.
  await service.until({ event: 'state', from: 'draining', to: 'ready', pid: service.pid })
  const again = await service.hup(service.pid)
  expect(again.phase).toBe('ready')
  await fresh.progress(200)
  const { failures, samples } = await fresh.stop()
  // Only what was inside the dead process fails: at most one request of each connection.
  expect(failures, samples.join('\n')).toMatchObject({
    refused: 0,
    timeout: 0,
    status: 0,
    wrong: 0,
  })
  expect(failures.reset + failures.cut, samples.join('\n')).toBeLessThanOrEqual(20)
  service.signal('SIGTERM', Number(again.successor))
  await service.ended
  expect(existsSync(pidFile)).toBe(false)
})

test('it rises also while it still drains, and its requests never notice', async () => {
  await using service = await Service.start({ script })
  const target = { port: service.port() }
  const slow = request({ target, method: 'GET', url: '/slow?from=drain&ms=1000' })
  await service.until({ event: 'request' })
  const { successor } = await service.hup()
  service.signal('SIGKILL', Number(successor))
  await service.until({ event: 'state', from: 'draining', to: 'ready', pid: service.pid })
  expect(await pidThat(service)).toBe(service.pid)
  expect(JSON.parse((await slow).body.toString())).toEqual({ pid: service.pid })
  await service.upgrade()
  await service.stop()
})

test('a revived generation keeps its connections alive again', async () => {
  await using service = await Service.start({ script, options: { probation: 60_000 } })
  const { successor } = await service.hup()
  service.signal('SIGKILL', Number(successor))
  await service.until({ event: 'drain', phase: 'cancelled' })
  const traffic = load({ target: { port: service.port() }, connections: 2, thinkTime: [0, 5] })
  await traffic.progress(100)
  const { failed, reconnects } = await traffic.stop()
  expect({ failed, reconnects }).toEqual({ failed: 0, reconnects: 0 })
  await service.stop()
})

test.each(['SIGTERM', 'SIGINT'] as const)(
  'a successor that was stopped on purpose (%s): nobody rises, nobody listens',
  async (signal) => {
    await using service = await Service.start({ script, options: { probation: 60_000 } })
    const target = { port: service.port() }
    const { successor } = await service.hup()
    service.signal(signal, Number(successor))
    // The predecessor ends with it: there is nobody left to watch.
    await service.ended
    expect(service.all({ event: 'drain', phase: 'cancelled' })).toEqual([])
    await expect(request({ target, url: '/' })).rejects.toMatchObject({ kind: 'refused' })
  },
)

test('stopping the successor refuses new connections though the old one still drains', async () => {
  await using service = await Service.start({ script })
  const target = { port: service.port() }
  const slow = request({ target, method: 'GET', url: '/slow?from=drain&ms=3000' })
  await service.until({ event: 'request' })
  const { successor } = await service.hup()
  service.signal('SIGTERM', Number(successor))
  await service.gone(Number(successor))
  expect(isAlive(service.pid)).toBe(true)
  // The old one hears of it as well, and whoever comes in that moment is reset.
  const ask = (): Promise<unknown> =>
    request({ target, url: '/' }).catch(({ kind }: { kind: string }) => kind)
  let kind = await ask()
  while (kind === 'reset') kind = await ask()
  expect(kind).toBe('refused')
  expect((await slow).status).toBe(200)
  await service.ended
  expect(service.all({ event: 'drain', phase: 'cancelled' })).toEqual([])
})

test('it stays as long as the probation lasts, then exits with 0', async () => {
  await using service = await Service.start({ script, options: { probation: 1_000 } })
  const began = performance.now()
  await service.hup()
  expect(await service.exited).toEqual({ code: 0, signal: null })
  expect(performance.now() - began).toBeGreaterThanOrEqual(1_000)
  expect(await pidThat(service)).toBe(service.current)
  await service.stop()
})

test('TERM to the one on probation: it goes, the successor stays', async () => {
  await using service = await Service.start({ script, options: { probation: 60_000 } })
  const { successor } = await service.hup()
  service.signal('SIGTERM', service.pid)
  expect(await service.exited).toEqual({ code: 0, signal: null })
  expect(await pidThat(service)).toBe(successor)
  await service.stop()
})

test('TERM while a stream goes on that its app does not end: it ends by streamGrace, with code 0', async () => {
  await using service = await Service.start({ script, options: { streamGrace: 500 } })
  const target = { port: service.port() }
  const stream = await Raw.open(service.port())
  stream.write(get('/events?stays'))
  await stream.until((text) => text.includes('hello'))
  const slow = request({ target, method: 'GET', url: '/slow?from=drain&ms=2000' })
  await service.until({ event: 'request', path: '/slow' })
  service.signal('SIGTERM')
  await stream.closed()
  await service.untilStderr(/Gave up waiting for GET \/events\?stays, .* outlived drainSignal/)
  // What has an end has the time of the hammer.
  expect((await slow).status).toBe(200)
  expect((await service.exited).code).toBe(0)
})
