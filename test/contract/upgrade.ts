import { expect, test } from 'vitest'
import { load, type Mode, request } from '../support/client/index.js'
import { upgradesLoseNothing } from '../support/lossless.js'
import type { Service } from '../support/service.js'
import { type Adapter, starter } from './adapter.js'

/** The pid that answers. */
async function pidThat(service: Service): Promise<number> {
  const reply = await request({ target: { port: service.port() }, method: 'GET', url: '/pid' })
  return (JSON.parse(reply.body.toString()) as { pid: number }).pid
}

export function upgrades(adapter: Adapter): void {
  const start = starter(adapter)
  const modes: Mode[] = ['keep-alive', 'new-connection', 'two-segments', 'pipelined', 'chunked']

  test('upgrades under load lose no request of any kind', async () => {
    await using service = await start()
    const target = { port: service.port() }
    const loads = [...modes, 'expect-continue' as const].map((mode) =>
      load({ target, mode, connections: 4, thinkTime: [0, 30] }),
    )
    await upgradesLoseNothing(service, loads)
  })
}

export function fallsBack(adapter: Adapter): void {
  const start = starter(adapter)

  test.each([
    ['import', 'throw'],
    ['beforeReady', 'throw'],
    ['beforeReady', 'exit1'],
  ])('a successor that fails at %s (%s) rolls back', async (stage, what) => {
    await using service = await start()
    const traffic = load({ target: { port: service.port() }, connections: 4, thinkTime: [0, 5] })
    service.control({ [stage]: what })
    expect((await service.hup()).phase).toBe('failed')
    await traffic.progress(20)
    expect(await pidThat(service)).toBe(service.pid)
    service.control({})
    expect(await service.upgrade()).not.toBe(service.pid)
    await traffic.progress(20)
    const { failed, samples } = await traffic.stop()
    expect(failed, samples.join('\n')).toBe(0)
    await service.stop()
  })

  test('a successor that dies on probation: the old generation serves again', async () => {
    await using service = await start({ options: { probation: 60_000 } })
    const { successor } = await service.hup()
    await service.until({ event: 'drain', phase: 'end' })
    service.signal('SIGKILL', Number(successor))
    await service.until({ event: 'state', from: 'draining', to: 'ready', pid: service.pid })
    expect(await pidThat(service)).toBe(service.pid)
    await service.hup(service.pid)
    expect(await pidThat(service)).not.toBe(service.pid)
    await service.stop()
  })

  test('upgrade() rejects with the reason and resolves with the pid', async () => {
    await using service = await start()
    const target = { port: service.port() }
    const ask = async (): Promise<unknown> => {
      const reply = await request({ target, method: 'POST', url: '/upgrade' })
      return JSON.parse(reply.body.toString())
    }
    service.control({ import: 'throw' })
    expect(await ask()).toMatchObject({ code: 'ERR_ENDLESS_SUCCESSOR_EXITED' })
    service.control({})
    const { pid } = (await ask()) as { pid: number }
    await service.gone(service.pid)
    expect(await pidThat(service)).toBe(pid)
    await service.stop()
  })
}
