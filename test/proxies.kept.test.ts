// The connections that HAProxy and nginx keep to the service go on over upgrades, and none is opened in their place.
import { describe, expect, test } from 'vitest'
import { load, type Reply } from './support/client/index.js'
import { ReverseProxy } from './support/proxy.js'
import { fixture, Service } from './support/service.js'
import { tool } from './support/tool.js'

const [haproxy, nginx] = [tool('haproxy'), tool('nginx', 'nginx-light')]
const connections = 16

describe.each([
  {
    name: haproxy ? 'HAProxy' : 'HAProxy (not installed: .ci/tools)',
    path: haproxy,
    front: (port: number) => ReverseProxy.haproxy(haproxy ?? '', 'haproxy.cfg', { 8000: port }),
  },
  {
    name: nginx ? 'nginx' : 'nginx (not installed: .ci/tools)',
    path: nginx,
    front: (port: number) => ReverseProxy.nginx(nginx ?? '', { 8000: port }),
  },
])('behind $name', ({ path, front }) => {
  test.skipIf(!path)(
    'upgrades: the service sees the same connections before and after',
    async () => {
      await using service = await Service.start({
        script: fixture('server.js'),
        env: { FRAMEWORK: 'http' },
        options: { loadBalancerIdleTimeout: 60_000 },
      })
      await using proxy = await front(service.port())
      // By the ports of the proxy that the service sees.
      const kept = new Set<number>()
      const clients = load({
        ...{ target: { port: proxy.port }, method: 'GET', url: '/peer', connections },
        thinkTime: [0, 10],
        onReply: ({ body }: Reply) => {
          kept.add((JSON.parse(body.toString()) as { port: number }).port)
        },
      })
      for (let n = 0; n < 3; n++) {
        await clients.progress(100)
        await service.upgrade()
      }
      await clients.progress(100)
      const { failed, reconnects, samples } = await clients.stop()
      expect([failed, reconnects], samples.join('\n')).toEqual([0, 0])
      expect(kept.size).toBeLessThanOrEqual(connections)
      await service.stop()
    },
  )
})
