import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { load, request } from './support/client/index.js'
import { get, Raw } from './support/raw.js'
import { fixture, Service } from './support/service.js'

const script = fixture('fastify.js')
const versions = ['fastify', 'fastify-5-first']

interface Address {
  readonly address: string
  readonly port: number
}

/** Whether somebody accepts there. */
function answers({ address, port }: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, address)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function hooks(service: Service, pid: number): unknown[] {
  return service.all({ event: 'hook', pid }).map((one) => one.name)
}

test.each(
  versions.flatMap((FASTIFY) =>
    ['', 'localhost', 'callback', 'serverFactory'].map((MODE) => [FASTIFY, MODE] as const),
  ),
)('%s, listen %s: every address survives every upgrade', async (FASTIFY, MODE) => {
  await using service = await Service.start({ script, env: { FASTIFY, MODE } })
  const first = await service.until({ event: 'address' })
  const addresses = first.addresses as Address[]
  expect(first.address).toMatch(/^http:\/\//)
  const loads = addresses.map(({ address, port }) =>
    load({
      target: { host: address, port },
      method: 'GET',
      url: '/pid',
      connections: 3,
      thinkTime: [0, 10],
    }),
  )
  for (let n = 0; n < 3; n++) {
    const since = service.mark()
    await Promise.all(loads.map((one) => one.progress(10)))
    const old = service.current
    const pid = await service.upgrade()
    const again = await service.until({ event: 'address', pid }, since)
    expect(again).toMatchObject({ address: first.address, addresses })
    // The drain ended first, then Fastify closed, then the last word, then the exit.
    expect(hooks(service, old)).toEqual(
      ['onListen', 'beforeReady', 'onDrain', 'preClose', 'onClose', 'onExit'].sort(
        byPlace(hooks(service, old)),
      ),
    )
    expect(hooks(service, old).slice(-4)).toEqual(['onDrain', 'preClose', 'onClose', 'onExit'])
  }
  for (const report of await Promise.all(loads.map((one) => one.stop())))
    expect(report.failed, report.samples.join('\n')).toBe(0)
  for (const one of addresses) expect(await answers(one)).toBe(true)
  await service.stop()
  for (const one of addresses) expect(await answers(one)).toBe(false)
  expect(service.all({ event: 'exit' }).map((one) => one.code)).toEqual([0, 0, 0, 0])
})

test('localhost has several addresses', async () => {
  await using service = await Service.start({ script, env: { MODE: 'localhost' } })
  const { addresses } = await service.until({ event: 'address' })
  expect(addresses).toHaveLength(2)
  for (const one of addresses as Address[]) expect(await answers(one)).toBe(true)
  await service.stop()
})

test.each(versions)('%s: idle connections of every address outlive each other', async (FASTIFY) => {
  const env = { FASTIFY, MODE: 'localhost' }
  await using service = await Service.start({ script, env, options: { migrate: false } })
  const { addresses } = await service.until({ event: 'address' })
  // The first server drains at once. Fastify closes the others on its 'close', idle ones and all.
  // (addresses() names the first one last.)
  const { address, port } = (addresses as Address[])[0] as Address
  const raw = await Raw.open(port, address)
  raw.write(get('/pid'))
  await raw.until((text) => text.endsWith('}'))
  await service.hup()
  await service.until({ event: 'drain', phase: 'start' })
  // A round trip over a new connection: what closes at once has closed by then.
  await request({ target: { host: address, port }, method: 'GET', url: '/pid' })
  raw.text = ''
  raw.write(get('/pid'))
  await raw.until((text) => text.endsWith('}'))
  expect(raw.text).toMatch(/^HTTP\/1.1 200 /)
  expect(raw.text).toContain(`{"pid":${service.pid}}`)
  await service.gone(service.pid)
  await service.stop()
})

test.each(versions)('%s: no request sees 503 because of us', async (FASTIFY) => {
  await using service = await Service.start({ script, env: { FASTIFY } })
  const raw = await Raw.open(service.port())
  raw.write(get('/slow?from=drain&ms=100'))
  await service.until({ event: 'request' })
  await service.hup()
  await service.until({ event: 'drain', phase: 'start' })
  await raw.until((text) => text.endsWith('}'))
  expect(raw.text).toMatch(/^HTTP\/1.1 200 /)
  await service.gone(service.pid)
  await service.stop()
})

test.each(versions)('%s: fastify.close() by the app stops cleanly', async (FASTIFY) => {
  await using service = await Service.start({ script, env: { FASTIFY } })
  // Not earlier: Fastify 5.0 throws when it is closed before its listen() has ended.
  await service.until({ event: 'address' })
  await request({ target: { port: service.port() }, method: 'GET', url: '/close' })
  expect(await service.exited, service.stderr).toEqual({ code: 0, signal: null })
  // Once each: we do not close it again.
  expect(hooks(service, service.pid).slice(-2)).toEqual(['preClose', 'onClose'])
})

test("the log is Fastify's", async () => {
  await using service = await Service.start({ script })
  const lines: string[] = []
  service.child.stdout?.on('data', (chunk: Buffer) => lines.push(chunk.toString()))
  await service.upgrade()
  await service.stop()
  expect(lines.join('')).toMatch(/"level":30.*"msg":"Received SIGHUP\. Upgrading\."/)
  expect(service.stderr).toBe('')
})

/** Orders by where each stands in the list: beforeReady and onListen race with each other. */
function byPlace(list: unknown[]): (a: string, b: string) => number {
  return (a, b) => list.indexOf(a) - list.indexOf(b)
}
