import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { expect, test } from 'vitest'
import {
  answerAt,
  app,
  originsOf,
  portsOf,
  type Release,
  refusalAt,
  startRelease,
  underLoad,
  upgrade,
} from './support/release.js'
import { fixture, Service } from './support/service.js'

const hasIPv6 = networkInterfaces().lo?.some(({ address }) => address === '::1') ?? false

/** Two apps on ports of their own, each asked for in other words. */
const two: Release = { listen: [app('a', 0, '127.0.0.1'), app('b', 0)] }
const names = { a: 'tcp:127.0.0.1:0', b: 'tcp:*:0' }

function portOf(service: Service, name: string): { port: number } {
  const port = portsOf(service)[name]
  if (port === undefined) throw new Error(`no ${name}\n${service.transcript()}`)
  return { port }
}

function targetsOf(service: Service): { a: { port: number }; b: { port: number } } {
  return { a: portOf(service, names.a), b: portOf(service, names.b) }
}

/** A line, and a socket that answers with who it is first. */
async function lineFrom(socket: Socket, asked = ''): Promise<string> {
  if (asked) socket.write(asked)
  const [data] = (await once(socket, 'data')) as [Buffer]
  return data.toString().trim()
}

test('any number of listeners keep their ports over two upgrades', async () => {
  const listen = [app('a', 0), app('b', 0), app('c', 0, '127.0.0.1'), app('d', 0, '::1')]
  await using service = await startRelease({ listen: hasIPv6 ? listen : listen.slice(0, 3) })
  const ports = portsOf(service)
  const targets = {
    a: portOf(service, 'tcp:*:0'),
    b: portOf(service, 'tcp:*:0#2'),
    c: portOf(service, 'tcp:127.0.0.1:0'),
    ...(hasIPv6 && { d: { ...portOf(service, 'tcp:[::1]:0'), host: '::1' } }),
  }
  await underLoad(targets, async () => {
    for (const _ of [1, 2]) {
      await upgrade(service)
      expect(portsOf(service)).toEqual(ports)
      expect(new Set(Object.values(originsOf(service)))).toEqual(new Set(['predecessor']))
    }
  })
  await service.stop()
})

test('a listener goes by what was asked for, not by its position', async () => {
  const hosts = { a: '127.0.0.1', b: '127.0.0.2', c: '127.0.0.3' }
  const listen = Object.entries(hosts).map(([label, host]) => app(label, 0, host))
  await using service = await startRelease({ listen })
  const ports = portsOf(service)
  const targets = Object.fromEntries(
    Object.entries(hosts).map(([label, host]) => [
      label,
      { ...portOf(service, `tcp:${host}:0`), host },
    ]),
  )
  await underLoad(targets, async () => {
    await upgrade(service, { listen: listen.toReversed() })
  })
  expect(portsOf(service)).toEqual(ports)
  await service.stop()
})

test('a new release adds a port', async () => {
  await using service = await startRelease(two)
  const added = app('c', 0, '127.0.0.2')
  await underLoad(targetsOf(service), async () => {
    await upgrade(service, { listen: [added, ...two.listen] })
  })
  expect(originsOf(service)).toMatchObject({ 'tcp:127.0.0.2:0': 'new' })
  const c = { ...portOf(service, 'tcp:127.0.0.2:0'), host: '127.0.0.2' }
  await underLoad({ c }, () => upgrade(service))
  expect(originsOf(service)).toMatchObject({ 'tcp:127.0.0.2:0': 'predecessor' })
  await service.stop()
})

test.each<Pick<Release, 'explicit'>>([{}, { explicit: true }])(
  'a new release drops a port: %o',
  async (ready) => {
    await using service = await startRelease(two)
    const { a, b } = targetsOf(service)
    await underLoad({ b }, async () => {
      await upgrade(service, { listen: [app('b', 0)], ...ready })
    })
    await service.untilStderr(/Nobody asked for tcp:127\.0\.0\.1:0: closed\./)
    expect(await refusalAt(a)).toBe('ECONNREFUSED')
    await underLoad({ b }, () => upgrade(service))
    await service.stop()
  },
)

test('a new release changes a port', async () => {
  await using service = await startRelease(two)
  const { a, b } = targetsOf(service)
  await underLoad({ b }, async () => {
    await upgrade(service, { listen: [app('c', 0, '127.0.0.2'), app('b', 0)] })
  })
  const c = { ...portOf(service, 'tcp:127.0.0.2:0'), host: '127.0.0.2' }
  expect(await answerAt(c)).toMatchObject({ label: 'c' })
  expect(await refusalAt(a)).toBe('ECONNREFUSED')
  await service.stop()
})

test('a new release asks by its number for the port that port 0 gave', async () => {
  await using service = await startRelease(two)
  const { a, b } = targetsOf(service)
  const listen = [app('b', b.port), app('a', a.port, '127.0.0.1')]
  await underLoad({ a, b }, async () => {
    for (const _ of [1, 2]) {
      await upgrade(service, { listen })
      expect(Object.values(originsOf(service))).toEqual(['predecessor', 'predecessor'])
    }
  })
  await service.stop()
})

test.each(['awaited', 'late'] as const)(
  'a release that listens on one port after the other (%s) keeps both',
  async (pace) => {
    await using service = await startRelease({ ...two, pace })
    await service.until({ event: 'listen', name: 'tcp:*:0' })
    const ports = portsOf(service)
    await underLoad(targetsOf(service), async () => {
      const pid = await upgrade(service)
      expect(portsOf(service)).toEqual(ports)
      const events = service.all({ pid }).map((one) => (one.event === 'state' ? one.to : one.event))
      expect(events.lastIndexOf('listen')).toBeLessThan(events.indexOf('ready'))
    })
    await service.stop()
  },
)

test.each([
  ['hands to a callback that swallows it', {}, 'ERR_ENDLESS_SUCCESSOR_FAILED'],
  ['throws', { bare: true }, 'ERR_ENDLESS_SUCCESSOR_EXITED'],
] as const)('a port that somebody else has, which Express %s, rolls back', async (_, how, code) => {
  const foreign = createServer().listen(0, '127.0.0.1')
  await once(foreign, 'listening')
  const { port } = foreign.address() as AddressInfo
  await using service = await startRelease(two)
  const before = service.current
  await underLoad(targetsOf(service), async () => {
    const blocked = { ...app('c', port, '127.0.0.1'), ...how }
    service.control({ listen: [...two.listen, blocked] } satisfies Release)
    const end = await service.hup()
    expect(end).toMatchObject({ phase: 'failed', error: { code } })
    expect((end.error as Error).message).toContain('EADDRINUSE')
  })
  expect(service.all({ event: 'swallowed' })).toHaveLength('bare' in how ? 0 : 1)
  expect(service.current).toBe(before)
  foreign.close()
  await upgrade(service, two)
  await service.stop()
})

test('a plain net.Server on the core, ready by its own word', async () => {
  const options = { readyTimeout: 1_500 }
  await using service = await Service.start({ script: fixture('echo.js'), options })
  const { pid } = service
  const open = connect(service.port())
  expect(await lineFrom(open)).toBe(`${pid}`)
  service.control({ 'before ready': 'hang' })
  const failed = service.hup()
  await service.until({ event: 'stage', what: 'hang' })
  for (let n = 0; n < 20; n++) {
    // Listens, but is not ready: it must accept nothing.
    const early = connect(service.port())
    expect(await lineFrom(early)).toBe(`${pid}`)
    early.end()
  }
  expect(await failed).toMatchObject({ error: { code: 'ERR_ENDLESS_READY_TIMEOUT' } })
  service.control({})
  const { successor } = await service.hup()
  const fresh = connect(service.port())
  expect(await lineFrom(fresh)).toBe(`${successor}`)
  expect(await lineFrom(open, 'still here\n')).toBe('still here')
  open.end()
  await service.gone(pid)
  expect(await lineFrom(fresh, 'here too\n')).toBe('here too')
  fresh.end()
  await service.stop()
})

test('each generation knows its number, and whether its parent lives', async () => {
  await using service = await startRelease({ ...two, holdDrain: true })
  const { pid } = service
  expect(await service.until({ event: 'generation' })).toMatchObject({
    number: 0,
    hasParent: false,
  })
  await service.until({ event: 'parent gone', pid })
  const { successor } = await service.hup()
  await service.until({ event: 'drain held', pid })
  expect(service.all({ event: 'generation', pid: successor })).toMatchObject([
    { number: 1, hasParent: true },
  ])
  expect(service.all({ event: 'parent gone', pid: successor })).toEqual([])
  service.signal('SIGCONT', pid)
  const gone = await service.until({ event: 'parent gone', pid: successor })
  expect(gone.hasParent).toBe(false)
  const end = await service.hup()
  expect(service.all({ event: 'generation', pid: end.successor })).toMatchObject([{ number: 2 }])
})

test('an upgrade that is asked for when the predecessor has just gone is not refused', async () => {
  await using service = await startRelease({ ...two, holdDrain: true })
  const { pid } = service
  const successor = Number((await service.hup()).successor)
  await service.until({ event: 'drain held', pid })
  // Stopped, so that it hears of the end and of the signal in one turn of its event loop.
  service.signal('SIGSTOP', successor)
  service.signal('SIGCONT', pid)
  await service.gone(pid)
  const since = service.mark()
  service.signal('SIGHUP', successor)
  service.signal('SIGCONT', successor)
  await service.until({ event: 'upgrade', pid: successor, phase: 'ready' }, since)
})
