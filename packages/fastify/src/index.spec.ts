import { currentUpgrader } from '@endlessjs/core'
import Fastify from 'fastify'
import Fastify5First from 'fastify-5-first'
import { afterEach, describe, expect, test, vi } from 'vitest'
import endless, { upgrader } from './index.js'

const signals = ['SIGHUP', 'SIGUSR2', 'SIGINT', 'SIGTERM'] as const

function handlers(): number[] {
  return signals.map((signal) => process.listenerCount(signal))
}

const none = handlers()

afterEach(async () => {
  await currentUpgrader()?.uninstall()
})

describe.each([
  ['the newest Fastify 5', Fastify],
  ['Fastify 5.0', Fastify5First as unknown as typeof Fastify],
])('%s', (_, create) => {
  test('under inject nothing is installed', async () => {
    const fastify = create()
    await fastify.register(endless, { pidFile: '/nowhere/at/all.pid' })
    fastify.get('/', async () => ({ state: fastify.endless.state }))
    expect((await fastify.inject('/')).json()).toEqual({ state: 'ready' })
    await expect(fastify.endless.upgrade()).resolves.toEqual({ pid: process.pid })
    expect(handlers()).toEqual(none)
    expect(currentUpgrader()).toBeUndefined()
    await fastify.close()
  })

  test('listen installs, close leaves nothing behind', async () => {
    const fastify = create()
    await fastify.register(endless, { logger: false })
    await fastify.listen({ port: 0 })
    expect(handlers()).toEqual(none.map((count) => count + 1))
    expect(fastify.endless.status().listeners).toHaveLength(fastify.addresses().length)
    await fastify.close()
    expect(handlers()).toEqual(none)
    expect(currentUpgrader()).toBeUndefined()
  })

  test('a hook that is registered before listen is run by the real one', async () => {
    const fastify = create()
    await fastify.register(endless, { logger: false })
    const [ready, undone] = [vi.fn(), vi.fn()]
    fastify.endless.hook('beforeReady', ready)
    fastify.endless.hook('beforeReady', undone)()
    await fastify.listen({ port: 0 })
    await upgrader().ready()
    expect(ready).toHaveBeenCalledOnce()
    expect(undone).not.toHaveBeenCalled()
    await fastify.close()
  })

  test('two instances share one upgrader; the last to close takes it along', async () => {
    const [one, two] = [create(), create()]
    for (const fastify of [one, two]) {
      await fastify.register(endless)
      await fastify.listen({ port: 0, host: '127.0.0.1' })
    }
    expect(upgrader().status().listeners).toHaveLength(2)
    await one.close()
    expect(handlers()).toEqual(none.map((count) => count + 1))
    expect(upgrader().status().listeners).toHaveLength(1)
    await two.close()
    expect(handlers()).toEqual(none)
  })

  test.each([
    [{ hammerTime: -1 }, /"hammerTime": expected .*, received -1/],
    [{ hamerTime: 1 }, /"hamerTime": expected one of/],
    [{ https: {} }, /"https": expected one of/],
  ])('a bad option fails the registration: %j', async (options, message) => {
    const fastify = create()
    await expect(async () => {
      await fastify.register(endless, options as never)
    }).rejects.toMatchObject({
      code: 'ERR_ENDLESS_OPTION',
      message: expect.stringMatching(message),
    })
    await fastify.close()
  })

  test('health is a route: live under inject, ready once it serves', async () => {
    const fastify = create()
    await fastify.register(endless, { logger: false })
    fastify.register(endless.health())
    fastify.register(endless.health({ path: '/healthz' }))
    expect((await fastify.inject('/health')).json()).toEqual({ health: 'live' })
    await fastify.listen({ port: 0 })
    await upgrader().ready()
    expect((await fastify.inject('/healthz')).json()).toMatchObject({ health: 'ready' })
    await fastify.close()
  })

  test('beforeBegin is awaited before listen resolves; a throwing one rejects it', async () => {
    const fastify = create()
    const beforeBegin = vi.fn(async () => {
      throw new Error('not today')
    })
    await fastify.register(endless, { logger: false, beforeBegin })
    await expect(fastify.listen({ port: 0 })).rejects.toMatchObject({ code: 'ERR_ENDLESS_HOOK' })
    expect(beforeBegin).toHaveBeenCalledOnce()
    await fastify.close()
  })
})
