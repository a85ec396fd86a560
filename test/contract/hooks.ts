import { expect, test } from 'vitest'
import { load } from '../support/client/index.js'
import type { Service } from '../support/service.js'
import { type Adapter, starter } from './adapter.js'

/** The hooks that a process ran, in order. */
function hooks(service: Service, pid: number): unknown[] {
  return service.all({ event: 'hook', pid }).map((one) => one.name)
}

export function hasHooks(adapter: Adapter): void {
  const start = starter(adapter, 'hooks.js')

  test('the hooks of a life, in order, each awaited', async () => {
    await using service = await start()
    const port = service.port()
    const successor = await service.upgrade()
    const ran = hooks(service, service.pid)
    expect(ran.slice(0, 5)).toEqual([
      'beforeBegin',
      'beforeReady',
      'pre SIGHUP 1',
      'pre SIGHUP 2',
      'beforeSpawn',
    ])
    // Beside each other: what a signal does afterwards, and the drain.
    expect(ran.slice(5, -1).sort()).toEqual(['onDrain', 'post SIGHUP 1', 'post SIGHUP 2'])
    expect(ran.at(-1)).toBe('onExit')
    expect(hooks(service, successor)).toEqual(['beforeBegin', 'beforeReady'])
    expect(service.all({ event: 'hook', name: 'beforeBegin', pid: successor })).toMatchObject([
      { args: [{ address: '::', family: 'IPv6', port }] },
    ])
    expect(service.all({ event: 'hook', name: 'onDrain' })).toMatchObject([{ args: ['upgraded'] }])
    await service.stop()
    const last = hooks(service, successor).slice(2)
    expect(last.slice(0, 2)).toEqual(['pre SIGTERM 1', 'pre SIGTERM 2'])
    expect(last.slice(2, -1).sort()).toEqual(['onDrain', 'post SIGTERM 1', 'post SIGTERM 2'])
    expect(service.all({ event: 'hook', name: 'onExit', pid: successor })).toMatchObject([
      { args: [0] },
    ])
    expect(service.all({ event: 'hook', name: 'undone' })).toEqual([])
  })

  test.each(['beforeBegin', 'beforeReady'])('a throwing %s fails the start', async (name) => {
    await using service = await start({ env: { HOOK: name }, wait: false })
    expect(await service.exited).toEqual({ code: 1, signal: null })
    await service.ended
    expect(service.stderr).toContain(`boom in ${name}`)
    if (!adapter.listenRejects || name !== 'beforeBegin')
      expect(service.all({ event: 'hook', name: 'onExit' })).toMatchObject([{ args: [1] }])
  })
}

export function hooksSignals(adapter: Adapter): void {
  const start = starter(adapter, 'hooks.js')

  test.each(['pre SIGHUP 1', 'beforeSpawn'])('a throwing %s cancels the upgrade', async (name) => {
    await using service = await start({ env: { HOOK: name } })
    const traffic = load({ target: { port: service.port() }, connections: 2, thinkTime: [0, 5] })
    const end = await service.hup()
    expect(end).toMatchObject({ phase: 'failed', error: { code: 'ERR_ENDLESS_HOOK' } })

    expect(service.all({ event: 'listen' })).toHaveLength(1)
    await traffic.progress(20)
    expect((await traffic.stop()).failed).toBe(0)
    await service.untilStderr(new RegExp(`boom in ${name}`))
    await service.stop()
  })

  test.each(['pre SIGTERM 1', 'post SIGTERM 1', 'onDrain', 'onExit'])(
    'a throwing %s is logged, and stops no stop',
    async (name) => {
      await using service = await start({ env: { HOOK: name } })
      service.signal('SIGTERM')
      expect(await service.exited).toEqual({ code: 0, signal: null })
      await service.ended
      expect(service.stderr).toContain(`boom in ${name}`)
      expect(hooks(service, service.pid)).toContain('onExit')
    },
  )

  test('USR1 and TSTP do nothing but run their hooks', async () => {
    await using service = await start()
    for (const signal of ['SIGUSR1', 'SIGTSTP'] as const) {
      service.signal(signal)
      await service.until({ event: 'hook', name: `post ${signal} 2` })
      const ran = hooks(service, service.pid).filter((name) => String(name).includes(signal))
      expect(ran).toEqual(
        ['pre', 'post'].flatMap((when) => [1, 2].map((n) => `${when} ${signal} ${n}`)),
      )
    }
    expect(service.all({ event: 'state' })).toHaveLength(1)
    await service.stop()
  })

  test('without a hook TSTP stops the process, as Ctrl-Z does', async () => {
    await using service = await start({ env: { ONLY: 'SIGHUP' } })
    service.signal('SIGTSTP')
    service.signal('SIGTERM')
    // Stopped: the TERM waits until it is continued.
    service.signal('SIGCONT')
    expect(await service.exited).toEqual({ code: 0, signal: null })
    expect(service.all({ event: 'signal' }).map((one) => one.signal)).toEqual(['SIGTERM'])
  })

  test("gracehttp's preset: USR2 upgrades, HUP keeps its default", async () => {
    await using service = await start({ env: { GRACE: '1', ONLY: 'SIGUSR2' } })
    service.signal('SIGUSR2')
    const { successor } = await service.until({ event: 'upgrade', phase: 'ready' })
    await service.gone(service.pid)
    service.signal('SIGHUP', Number(successor))
    await service.gone(Number(successor))
    expect(service.all({ event: 'signal', signal: 'SIGHUP' })).toEqual([])
  })
}
