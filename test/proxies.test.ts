// Behind HAProxy and nginx, real ones, by the files of examples/proxies.
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type Load, load } from './support/client/index.js'
import { commandsOf, startExample } from './support/example.js'
import { Fleet } from './support/fleet.js'
import { freePort, ReverseProxy } from './support/proxy.js'
import { fixture, Service, type StartOptions } from './support/service.js'
import { tool } from './support/tool.js'

const [haproxy, nginx] = [tool('haproxy'), tool('nginx', 'nginx-light')]

/** Why its tests are skipped, where they are. */
function named(name: string, path: string | undefined): string {
  return path ? name : `${name} (not installed: .ci/tools)`
}

const proxies: [
  name: string,
  path: string | undefined,
  start: (port: number) => Promise<ReverseProxy>,
][] = [
  [
    named('HAProxy', haproxy),
    haproxy,
    (port) => ReverseProxy.haproxy(haproxy ?? '', 'haproxy.cfg', { 8000: port }),
  ],
  [named('nginx', nginx), nginx, (port) => ReverseProxy.nginx(nginx ?? '', { 8000: port })],
]

const options = { loadBalancerIdleTimeout: 60_000 }

/** Clients of the proxy, of each kind. */
function clientsOf({ port }: ReverseProxy): Load[] {
  const target = { port }
  return [
    load({ target, connections: 20, thinkTime: [0, 20] }),
    load({ target, connections: 4, mode: 'new-connection', thinkTime: [0, 20] }),
    load({ target, connections: 4, mode: 'chunked', thinkTime: [0, 20] }),
    load({ target, connections: 4, method: 'GET', url: (n) => `/?ms=${n % 100}` }),
  ]
}

/** Nobody saw anything, and the proxy did nothing twice. */
async function nothingWasLost(proxy: ReverseProxy, loads: readonly Load[]): Promise<void> {
  for (const { failed, reconnects, samples } of await Promise.all(loads.map((one) => one.stop())))
    expect([failed, reconnects], samples.join('\n')).toEqual([0, 0])
  expect(proxy.output).not.toMatch(/error|warn|alert|crit|emerg/i)
}

/** HAProxy's own word for it. */
async function retriesOf(proxy: ReverseProxy): Promise<unknown[]> {
  const all = [...(await proxy.stats()).values()]
  return all.map(({ econ, eresp, wretr, wredis, hrsp_5xx }) => ({
    ...{ econ, eresp, wretr, wredis, hrsp_5xx },
  }))
}

const none = { econ: '0', eresp: '0', wretr: '0', wredis: '0', hrsp_5xx: '0' }

describe.each(proxies)('behind %s', (_, path, startProxy) => {
  test.skipIf(!path)(
    'upgrades: no client sees anything, no connection is opened anew',
    async () => {
      await using service = await Service.start({ script: fixture('server.js'), options })
      await using proxy = await startProxy(service.port())
      const loads = clientsOf(proxy)
      for (let n = 0; n < 2; n++) {
        await Promise.all(loads.map((one) => one.progress(10)))
        await service.upgrade()
      }
      await Promise.all(loads.map((one) => one.progress(10)))
      await nothingWasLost(proxy, loads)
      if (path === haproxy) expect(await retriesOf(proxy)).toEqual([none])
      const drains = service.all({ event: 'drain', phase: 'end' })
      expect(drains.map(({ cut }) => cut)).toEqual([0, 0])
      expect(Math.min(...drains.map(({ moved }) => Number(moved)))).toBeGreaterThan(0)
      await service.stop()
    },
  )

  test.skipIf(!path)('reloads of endless start -w 2: no client sees anything', async () => {
    await using fleet = await Fleet.start({
      workers: 2,
      // One that reads what it is sent: nginx ends connections on which the answer comes first.
      script: fixture('server.js'),
      env: { FRAMEWORK: 'http' },
      flags: ['--load-balancer-idle-timeout', '60s'],
    })
    await using proxy = await startProxy(fleet.port)
    const loads = clientsOf(proxy)
    for (let n = 0; n < 2; n++) {
      await Promise.all(loads.map((one) => one.progress(10)))
      await fleet.reload()
    }
    await Promise.all(loads.map((one) => one.progress(10)))
    await nothingWasLost(proxy, loads)
    if (path === haproxy) expect(await retriesOf(proxy)).toEqual([none])
    await fleet.stop()
  })

  test.skipIf(!path)(
    'a WebSocket closes with 1012 at an upgrade, and comes back to the successor',
    async () => {
      const [command] = commandsOf('websocket')
      if (!command) throw new Error('no command')
      await using service = await startExample(command, { HAMMER_TIME: '60000' })
      await using proxy = await startProxy(service.port())
      const open = async (): Promise<{ socket: WebSocket; hello: string }> => {
        const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/ws`)
        const [hello] = (await once(socket, 'message')) as [Buffer]
        return { socket, hello: String(hello) }
      }
      const first = await open()
      expect(first.hello).toBe(`hello from ${service.pid}`)
      first.socket.send('ping')
      expect(String((await once(first.socket, 'message'))[0])).toBe(`${service.pid}: ping`)
      const closed = once(first.socket, 'close')
      const successor = await service.handOver()
      expect((await closed)[0]).toBe(1012)
      const second = await open()
      expect(second.hello).toBe(`hello from ${successor}`)
      second.socket.close()
      await service.stop()
    },
  )
})

test.skipIf(!haproxy)(
  'two instances behind HAProxy, restarted one after the other: no client sees anything',
  async () => {
    const start = (port: number): Promise<Service> => {
      const env = { FRAMEWORK: 'http', LISTEN: `${port}, "127.0.0.1"` }
      const more: Partial<StartOptions> = { options: { ...options, shutdownDelay: 3_000 } }
      return Service.start({ script: fixture('server.js'), env, ...more })
    }
    const ports = { 8001: await freePort(), 8002: await freePort() }
    const services = { shop1: await start(ports[8001]), shop2: await start(ports[8002]) }
    await using proxy = await ReverseProxy.haproxy(haproxy ?? '', 'haproxy-two.cfg', ports)
    const statusOf = async (name: string): Promise<string> =>
      (await proxy.stats()).get(name)?.status ?? ''
    const isUp = (name: string): Promise<void> =>
      expect.poll(() => statusOf(name), { timeout: 20_000 }).toBe('UP')
    try {
      for (const name of ['shop1', 'shop2']) await isUp(name)
      const loads = clientsOf(proxy)
      for (const [name, port] of [
        ['shop1', ports[8001]],
        ['shop2', ports[8002]],
      ] as const) {
        await Promise.all(loads.map((one) => one.progress(10)))
        const old = services[name]
        old.signal('SIGTERM')
        await expect.poll(() => statusOf(name), { timeout: 20_000 }).toBe('DOWN')
        expect(await old.exited).toEqual({ code: 0, signal: null })
        await old[Symbol.asyncDispose]()
        services[name] = await start(port)
        await isUp(name)
      }
      await Promise.all(loads.map((one) => one.progress(10)))
      for (const { failed, reconnects, samples } of await Promise.all(
        loads.map((one) => one.stop()),
      ))
        expect([failed, reconnects], samples.join('\n')).toEqual([0, 0])
      expect(await retriesOf(proxy)).toEqual([none, none])
    } finally {
      for (const service of Object.values(services)) await service[Symbol.asyncDispose]()
    }
  },
)
