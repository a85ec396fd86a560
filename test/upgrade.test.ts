import { expect, test } from 'vitest'
import { load, request } from './support/client/index.js'
import { isAlive, isZombie } from './support/processes.js'
import { fixture, Service } from './support/service.js'

const script = fixture('server.js')

async function pidThat(service: Service): Promise<number> {
  const reply = await request({ target: { port: service.port() }, method: 'GET', url: '/pid' })
  return (JSON.parse(reply.body.toString()) as { pid: number }).pid
}

test('a storm of 100 HUPs makes orderly, single upgrades', async () => {
  await using service = await Service.start({ script })
  const traffic = load({ target: { port: service.port() }, connections: 4, thinkTime: 1 })
  const upgrades = (): number => service.all({ event: 'upgrade', phase: 'ready' }).length
  for (let n = 0; n < 100 || (upgrades() < 3 && n < 10_000); n++) {
    // To whatever generation serves; one that is gone already gets none.
    if (isAlive(service.current)) service.signal('SIGHUP')
    await traffic.progress(4)
  }
  // The last HUP may still be at work.
  await service.until({ event: 'state', to: 'ready', pid: service.current })
  const starts = service.all({ event: 'upgrade', phase: 'start' })
  const spawned = service.all({ event: 'listen' }).map((one) => one.pid)
  expect(starts.length).toBeGreaterThan(2)
  expect(service.all({ event: 'upgrade', phase: 'failed' })).toEqual([])
  // One successor for each generation, and never two at once.
  expect(new Set(spawned).size).toBe(spawned.length)
  const generations = service.all({ event: 'listen' }).map((one) => one.generation)
  expect(generations).toEqual(generations.map((_, n) => n))
  const report = await traffic.stop()
  expect(report.failed, report.samples.join('\n')).toBe(0)
  expect(service.stderr).toMatch(/Upgrade refused: an upgrade is in progress/)
})

test('HUP before ready is refused with a log line; the start goes on', async () => {
  const control = { import: undefined, beforeReady: 'hang' }
  await using service = await Service.start({ script, control, wait: false })
  await service.until({ event: 'stage', name: 'beforeReady' })
  service.signal('SIGHUP', service.pid)
  await service.untilStderr(/Upgrade refused: not ready yet/)
  service.signal('SIGTERM', service.pid)
  expect(await service.exited).toEqual({ code: 0, signal: null })
})

test('TERM before ready stops the start', async () => {
  await using service = await Service.start({
    script,
    control: { beforeReady: 'hang' },
    wait: false,
  })
  await service.until({ event: 'stage', name: 'beforeReady' })
  service.signal('SIGTERM', service.pid)
  expect(await service.exited).toEqual({ code: 0, signal: null })
  expect(service.all({ event: 'state' }).map((one) => one.to)).toEqual(['draining', 'exited'])
})

test.each(['import', 'beforeReady'])(
  'TERM during an upgrade stops both, the successor first (it was at %s)',
  async (stage) => {
    await using service = await Service.start({ script })
    const target = { port: service.port() }
    service.control({ [stage]: 'hang' })
    const slow = request({ target, method: 'GET', url: '/slow?ms=300' })
    await service.until({ event: 'request' })
    service.signal('SIGHUP')
    const { pid } = await service.until({ event: 'stage', name: stage, what: 'hang' })
    service.signal('SIGTERM', service.pid)
    const end = await service.until({ event: 'upgrade', phase: 'failed' })
    expect(end.error).toMatchObject({ code: 'ERR_ENDLESS_STOPPED' })
    const drain = await service.until({ event: 'drain', phase: 'start' })
    expect(drain.reason).toBe('shutdown')
    expect(isAlive(pid)).toBe(false)
    expect((await slow).status).toBe(200)
    expect(await service.exited).toEqual({ code: 0, signal: null })
    await service.ended
  },
)

test.each(['import', 'listen', 'beforeReady'])(
  'the old one is SIGKILLed while the successor is at %s: the successor serves',
  async (stage) => {
    await using service = await Service.start({ script })
    service.control({ [stage]: 'wait' })
    service.signal('SIGHUP')
    const { pid } = await service.until({ event: 'stage', name: stage, what: 'wait' })
    service.signal('SIGKILL', service.pid)
    await service.exited
    service.control({})
    await service.until({ event: 'state', to: 'ready', pid })
    expect(await pidThat(service)).toBe(pid)
    // It is a generation like any other.
    await service.upgrade()
    expect(await pidThat(service)).toBe(service.current)
    await service.stop()
  },
)

test('the old one is SIGKILLed while it drains: the new one serves on', async () => {
  await using service = await Service.start({ script })
  const target = { port: service.port() }
  const doomed = request({ target, method: 'GET', url: '/hang' })
  await service.until({ event: 'request' })
  const { successor } = await service.hup()
  service.signal('SIGKILL', service.pid)
  await expect(doomed).rejects.toMatchObject({ kind: 'reset' })
  await service.until({ event: 'state', to: 'ready', pid: Number(successor) })
  expect(await pidThat(service)).toBe(successor)
  await service.upgrade()
  await service.stop()
})

test('a successor whose predecessor was killed does not wait for ever', async () => {
  await using service = await Service.start({ script, options: { readyTimeout: 4_000 } })
  service.control({ beforeReady: 'hang' })
  service.signal('SIGHUP')
  const { pid } = await service.until({ event: 'stage', name: 'beforeReady', what: 'hang' })
  service.signal('SIGKILL', service.pid)
  await service.untilStderr(/the predecessor is gone, and this successor was not ready/)
  await service.gone(pid)
  await service.ended
})

test('no zombie is left of a successor that failed', async () => {
  await using service = await Service.start({ script, control: { import: undefined } })
  service.control({ import: 'exit1' })
  for (let n = 0; n < 3; n++) expect((await service.hup()).phase).toBe('failed')
  const pids = service.all({ event: 'stage', what: 'exit1' }).map((one) => one.pid)
  expect(pids).toHaveLength(3)
  expect(pids.filter((pid) => isAlive(pid) || isZombie(pid))).toEqual([])
  await service.stop()
})
