import dns from 'node:dns'
import { networkInterfaces } from 'node:os'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { currentUpgrader } from '@endlessjs/core'
import Fastify, { type FastifyInstance } from 'fastify'
import Fastify5First from 'fastify-5-first'
import { afterEach, describe, expect, test, vi } from 'vitest'
import endless, { upgrader } from './index.js'

const signals = ['SIGHUP', 'SIGUSR2', 'SIGINT', 'SIGTERM'] as const

function handlers(): number[] {
  return signals.map((signal) => process.listenerCount(signal))
}

const none = handlers()

/** Two addresses for localhost, which on many machines (containers) has one alone. */
function twoAddressesOfLocalhost(): void {
  const loopbacks = Object.values(networkInterfaces()).flat()
  const second = loopbacks.some((one) => one?.address === '::1')
    ? { address: '::1', family: 6 }
    : { address: '127.0.0.2', family: 4 }
  const { lookup } = dns
  vi.spyOn(dns, 'lookup').mockImplementation(((host: string, how: object, done: unknown) =>
    host === 'localhost' && 'all' in how
      ? process.nextTick(done as () => void, null, [{ address: '127.0.0.1', family: 4 }, second])
      : Reflect.apply(lookup, dns, [host, how, done])) as typeof lookup)
}

afterEach(async () => {
  vi.restoreAllMocks()
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

  test.each(['one after the other', 'at once'])(
    'two instances with one object of listen options, %s, are told apart',
    async (how) => {
      twoAddressesOfLocalhost()
      const where = { port: 0, host: 'localhost' }
      const begun: string[] = []
      const make = async (name: string): Promise<FastifyInstance> => {
        const fastify = create()
        await fastify.register(endless, {
          logger: false,
          beforeBegin: () => void begun.push(name),
        })
        return fastify
      }
      const [one, two, stranger] = [await make('one'), await make('two'), create()]
      const listens = [one, two, stranger].map((fastify) => () => fastify.listen(where))
      if (how === 'at once') await Promise.all(listens.map((listen) => listen()))
      else for (const listen of listens) await listen()
      expect(begun.sort()).toEqual(['one', 'one', 'two', 'two'])
      expect(Reflect.ownKeys(where)).toEqual(expect.not.arrayContaining([expect.any(Symbol)]))
      expect(upgrader().status().listeners).toHaveLength(4)
      await one.close()
      expect(upgrader().status().listeners).toHaveLength(2)
      await two.close()
      expect(currentUpgrader()).toBeUndefined()
      expect(stranger.addresses()).toHaveLength(2)
      await stranger.close()
    },
  )

  test('one that closes leaves the upgrader to one that is about to listen', async () => {
    const [one, two] = [create(), create()]
    let go = (): void => {}
    const gone = new Promise<void>((resolve) => (go = resolve))
    await one.register(endless, { logger: false })
    await two.register(endless, { beforeBegin: () => gone })
    await one.listen({ port: 0, host: '127.0.0.1' })
    const listening = two.listen({ port: 0, host: '127.0.0.1' })
    await vi.waitFor(() => expect(two.endless).toMatchObject({ active: true }))
    await one.close()
    expect(currentUpgrader()).toBeDefined()
    go()
    await listening
    expect(upgrader().status().listeners).toHaveLength(1)
    await two.close()
    expect(currentUpgrader()).toBeUndefined()
  })

  test('a server that listens by itself takes part', async () => {
    const fastify = create()
    await fastify.register(endless, { logger: false })
    await fastify.ready()
    await new Promise<void>((resolve) => fastify.server.listen(0, resolve))
    expect(upgrader().status().listeners).toHaveLength(1)
    await fastify.close()
  })

  test('one that is never closed is let go', async () => {
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    const used = async (): Promise<WeakRef<object>> => {
      const fastify = create()
      await fastify.register(endless)
      fastify.get('/', async () => ({}))
      await fastify.inject('/')
      return new WeakRef(fastify)
    }
    const made = await used()
    // Fastify 5.0 itself holds the last one.
    await used()
    for (let n = 0; n < 50 && made.deref(); n++) {
      await turn()
      gc()
    }
    expect(made.deref() === undefined).toBe(true)
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
