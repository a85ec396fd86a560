import { expect, test } from 'vitest'
import { load, request } from './support/client/index.js'
import { isAlive } from './support/processes.js'
import { fixture, Service } from './support/service.js'

const script = fixture('server.js')

async function pidThat(service: Service): Promise<number> {
  const reply = await request({ target: { port: service.port() }, method: 'GET', url: '/pid' })
  return (JSON.parse(reply.body.toString()) as { pid: number }).pid
}

/** Upgrades under load while `spoil` makes it fail; then once more, and that has to work. */
async function failsAndRecovers(service: Service, spoil: () => Promise<unknown>): Promise<void> {
  const before = service.current
  const target = { port: service.port() }
  const traffic = load({ target, connections: 8, thinkTime: [0, 10] })
  const fresh = load({ target, connections: 2, mode: 'new-connection', thinkTime: [0, 10] })
  await traffic.progress(50)
  await spoil()
  await traffic.progress(50)
  expect(await pidThat(service)).toBe(before)
  service.control({})
  const after = await service.upgrade()
  await traffic.progress(50)
  expect(await pidThat(service)).toBe(after)
  for (const report of [await traffic.stop(), await fresh.stop()])
    expect(report.failed, report.samples.join('\n')).toBe(0)
  await service.stop()
}

test.each([
  ['import', 'throw', 'ERR_ENDLESS_SUCCESSOR_EXITED', /code 1 .*boom at import/s],
  ['import', 'exit0', 'ERR_ENDLESS_SUCCESSOR_EXITED', /exited with code 0/],
  ['import', 'exit1', 'ERR_ENDLESS_SUCCESSOR_EXITED', /exited with code 1/],
  ['import', 'hang', 'ERR_ENDLESS_READY_TIMEOUT', /not ready within 3000 ms/],
  ['import', 'spin', 'ERR_ENDLESS_READY_TIMEOUT', /not ready within 3000 ms/],
  ['listening', 'throw', 'ERR_ENDLESS_SUCCESSOR_EXITED', /boom at listening/],
  ['beforeBegin', 'throw', 'ERR_ENDLESS_SUCCESSOR_FAILED', /boom at beforeBegin/],
  ['beforeBegin', 'hang', 'ERR_ENDLESS_READY_TIMEOUT', /not ready within/],
  ['beforeReady', 'throw', 'ERR_ENDLESS_SUCCESSOR_FAILED', /boom at beforeReady/],
  ['beforeReady', 'exit0', 'ERR_ENDLESS_SUCCESSOR_EXITED', /exited with code 0/],
  ['beforeReady', 'hang', 'ERR_ENDLESS_READY_TIMEOUT', /not ready within/],
])('a successor that does this at %s: %s', async (stage, what, code, message) => {
  // The upgrade that has to work comes under it, too, on whatever machine.
  const options = what === 'hang' || what === 'spin' ? { readyTimeout: 3_000 } : {}
  await using service = await Service.start({ script, options, env: { BEGIN: '1' } })
  await failsAndRecovers(service, async () => {
    service.control({ [stage]: what })
    const end = await service.hup()
    expect(end).toMatchObject({ phase: 'failed', error: { code } })
    expect((end.error as Error).message).toMatch(message)
    await service.untilStderr(message)
  })
})

test.each(['import', 'listen', 'listening', 'beforeBegin', 'beforeReady'])(
  'a successor that is SIGKILLed at %s',
  async (stage) => {
    await using service = await Service.start({ script, env: { BEGIN: '1' } })
    await failsAndRecovers(service, async () => {
      // 'listening' alone would hold up nothing: the start goes on beside it.
      service.control({ [stage]: 'hang', beforeReady: 'hang' })
      const since = service.mark()
      const end = service.hup()
      const { pid } = await service.until({ event: 'stage', name: stage }, since)
      service.signal('SIGKILL', pid)
      expect(await end).toMatchObject({
        phase: 'failed',
        error: { code: 'ERR_ENDLESS_SUCCESSOR_EXITED' },
      })
      expect(isAlive(pid)).toBe(false)
    })
  },
)

test('a successor accepts nothing before it is ready', async () => {
  await using service = await Service.start({ script })
  await failsAndRecovers(service, async () => {
    service.control({ beforeReady: 'hang' })
    const since = service.mark()
    const end = service.hup()
    const { pid } = await service.until({ event: 'stage', name: 'beforeReady' }, since)
    // It listens already; whoever comes now must not be its.
    for (let n = 0; n < 50; n++) expect(await pidThat(service)).toBe(service.pid)
    service.signal('SIGKILL', pid)
    expect(await end).toMatchObject({ phase: 'failed' })
  })
})
