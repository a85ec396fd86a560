import { once } from 'node:events'
import { createServer, type RequestListener, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import type { Connection } from '../connections/index.js'
import type { Fact, Verdict } from '../handover/index.js'
import { atOnce, type Client, get, later, until } from '../node/specs/servers.js'
import { isServedHere, migratingInEachTest } from './specs/migrating.js'

const here = migratingInEachTest()

/** Then the kernel has what was written before, and whoever reads has read it. */
async function roundTrip(): Promise<void> {
  const server = createServer(atOnce).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const [response] = await once(request({ port, agent: false }).end(), 'response')
  await once(response.resume(), 'end')
  server.close()
}

function factsOf(verdicts: readonly Verdict[]): Fact[] {
  return verdicts.flatMap((one) => (one.endless === 'yours' ? one.facts : []))
}

describe('a connection moves', () => {
  test('when it is idle: offered, taken, then the successor’s, and ours no more', async () => {
    await here.idle(1)
    const moving = here.begin()
    expect(here.successor.offers[0]?.offer).toEqual({ id: 0, listener: 'tcp:::80' })
    here.successor.takes(0)
    await until(() => here.generation.connections.size === 0)
    expect(here.successor.verdicts).toEqual([
      { endless: 'yours', ids: [0], facts: [{ requests: 1 }] },
    ])
    expect(moving.moved).toBe(1)
  })

  test('with the rest of its time', async () => {
    const port = await here.served.listen(createServer({ keepAliveTimeout: 5_000 }, atOnce))
    await here.served.client(port, get, 'idle')
    here.begin()
    here.successor.takes(0)
    expect(factsOf(here.successor.verdicts)[0]?.rest).toBeGreaterThan(4_000)
  })

  test('when it never sent a byte: as a new one', async () => {
    await here.served.client(await here.served.listen(createServer(atOnce)), '', 'silent')
    here.begin()
    here.successor.takes(0)
    expect(factsOf(here.successor.verdicts)).toEqual([{ requests: 0 }])
  })

  test('after its response, when it is busy', async () => {
    const { app, responses } = later()
    await here.served.client(await here.served.listen(createServer(app)), get, 'active')
    const moving = here.begin()
    expect(moving.takes([...here.generation.connections][0] as Connection)).toBe(true)
    expect(here.offered()).toEqual([])
    responses[0]?.end()
    await until(() => here.offered().length === 1)
  })

  test('after all of a request has come that was answered before: at the next walk', async () => {
    const port = await here.served.listen(createServer(atOnce))
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n'
    const { socket } = await here.served.client(port, head, 'partial')
    const moving = here.begin()
    socket.write('body')
    await here.served.untilKinds('idle')
    expect(here.offered()).toEqual([])
    moving.walk()
    expect(here.offered()).toEqual([0])
  })

  test('whose client is always a request ahead: the one after that waits in the kernel', async () => {
    const { app, responses } = later()
    const client = await here.served.client(
      await here.served.listen(createServer(app)),
      get,
      'active',
    )
    here.begin()
    client.socket.write(get)
    await until(() => responses.length === 2)
    const [connection] = here.generation.connections
    const read = connection?.socket.bytesRead
    responses[0]?.end()
    client.socket.write(get)
    await until(() => client.text.includes('200 OK'))
    expect([responses.length, here.offered().length]).toEqual([2, 0])
    responses[1]?.end()
    await until(() => here.offered().length === 1)
    expect(connection?.socket.bytesRead).toBe(read)
    // Back here it is answered here.
    here.successor.answers({ endless: 'refused', ids: [0], why: 'listener' })
    await until(() => responses.length === 3)
  })

  test('or is read from again, when its client was ahead and it cannot move', async () => {
    const { app, responses } = later()
    const client = await here.served.client(
      await here.served.listen(createServer(app)),
      get,
      'active',
    )
    here.begin()
    client.socket.write(get)
    await until(() => responses.length === 2)
    await turn()
    client.socket.write(get)
    here.successor.saysStop()
    await until(() => responses.length === 3)
  })

  test('when it is taken in the midst of a long turn, that is heard with the next request', async () => {
    const { app, responses } = later()
    const busy = await here.served.client(
      await here.served.listen(createServer(app)),
      get,
      'active',
    )
    await here.idle(1)
    here.begin()
    expect(here.offered()).toEqual([0])
    let told = 0
    here.successor.poll = () => here.successor.takes(0)
    here.generation.connections.onRequest(() => (told = here.successor.verdicts.length))
    busy.socket.write(get)
    await until(() => responses.length === 2)
    expect(told).toBe(1)
    expect(here.successor.verdicts).toMatchObject([{ endless: 'yours', ids: [0] }])
  })

  test('and is served here until it is taken', async () => {
    const { clients } = await here.idle(1)
    here.begin()
    expect(here.offered()).toEqual([0])
    await isServedHere(clients[0] as Client)
    here.successor.takes(0)
    await until(() => here.generation.connections.size === 0)
    expect(here.successor.verdicts).toMatchObject([{ endless: 'yours', facts: [{ requests: 2 }] }])
  })

  test('when it is taken in the midst of a request: after the response, with the next one in the kernel', async () => {
    const { app, responses } = later()
    const port = await here.served.listen(createServer(app))
    const client = await here.served.client(port, get, 'active')
    responses[0]?.end()
    await here.served.untilKinds('idle')
    here.begin()
    client.socket.write(get)
    await until(() => responses.length === 2)
    here.successor.takes(0)
    const [connection] = here.generation.connections
    const read = connection?.socket.bytesRead
    client.socket.write(get)
    await roundTrip()
    expect([here.successor.verdicts, responses.length]).toEqual([[], 2])
    responses[1]?.end()
    await until(() => here.generation.connections.size === 0)
    expect(here.successor.verdicts).toMatchObject([{ endless: 'yours', facts: [{ requests: 2 }] }])
    expect([connection?.socket.bytesRead, responses.length]).toEqual([read, 2])
  })

  test('when it is taken in the midst of a request whose body is still to come: that is read', async () => {
    const app: RequestListener = (request, response) =>
      void request.resume().once('end', () => response.end('x'))
    const port = await here.served.listen(createServer(app))
    const client = await here.served.client(port, get, 'idle')
    here.begin()
    client.socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo')
    await here.served.untilKinds('active')
    here.successor.takes(0)
    client.socket.write('dy')
    await client.answered(2)
    await until(() => here.generation.connections.size === 0)
    expect(here.successor.verdicts).toMatchObject([{ endless: 'yours', facts: [{ requests: 2 }] }])
  })

  test('or not, where that takes long: it is read from again, and tried anew when it is idle', async () => {
    const { app, responses } = later()
    const port = await here.served.listen(createServer(app))
    const client = await here.served.client(port, get, 'active')
    responses[0]?.end()
    await here.served.untilKinds('idle')
    const moving = here.begin()
    client.socket.write(get)
    await until(() => responses.length === 2)
    here.successor.takes(0)
    vi.advanceTimersByTime(1_000)
    await until(() => here.successor.verdicts.length === 1)
    expect(here.successor.verdicts).toEqual([{ endless: 'keep', ids: [0] }])
    client.socket.write(get)
    await until(() => responses.length === 3)
    for (const response of responses) response.end()
    await here.served.untilKinds('idle')
    moving.walk()
    expect(here.offered()).toEqual([0, 1])
  })

  test('two at a time where there are two lanes, the next as soon as one is taken', async () => {
    const { clients } = await here.idle(4)
    here.begin()
    expect(here.offered()).toEqual([0, 1])
    await isServedHere(clients[3] as Client)
    expect(here.offered()).toEqual([0, 1])
    here.successor.takes(1)
    expect(here.offered()).toEqual([0, 1, 2])
    here.successor.takes(0, 2)
    await until(() => here.generation.connections.size === 1)
    here.successor.takes(3)
    await until(() => here.generation.connections.size === 0)
  })
})

describe('a slow start', () => {
  test('offers few first, and more in each tick; what waits is served here, and is not told to go', async () => {
    const { clients } = await here.idle(4)
    const moving = here.begin({ slowStart: 2_000 })
    expect(here.offered()).toEqual([0])
    here.successor.takes(0)
    expect(here.offered()).toEqual([0])
    for (const one of [...here.generation.connections].slice(1))
      expect(moving.takes(one)).toBe(true)
    await isServedHere(clients[3] as Client)
    expect(clients[3]?.text).toMatch(/connection: keep-alive/i)
    for (let n = 0; n < 200 && here.generation.connections.size > 0; n++) {
      vi.advanceTimersByTime(10)
      here.successor.takes(...here.offered())
      await turn()
    }
    expect(moving.moved).toBe(4)
  })

  test('ends in time: then all go that the lanes can carry', async () => {
    await here.idle(4)
    here.begin({ slowStart: 1_000 })
    vi.advanceTimersByTime(1_000)
    expect(here.offered().length).toBeGreaterThanOrEqual(2)
  })
})

describe('who becomes idle tells', () => {
  test('not as long as a look finds one that is', async () => {
    const { clients } = await here.idle(3)
    const watch = vi.spyOn(here.generation.connections, 'onEnd')
    here.begin({ slowStart: 2_000 })
    here.successor.takes(0)
    for (const client of clients.slice(1)) await isServedHere(client)
    await here.served.untilKinds('idle', 'idle')
    for (let n = 1; n < 3; n++) {
      while (here.offered().length === n) vi.advanceTimersByTime(10)
      here.successor.takes(n)
      await turn()
    }
    await until(() => here.generation.connections.size === 0)
    expect(watch).not.toHaveBeenCalled()
  })

  test('from when a look finds none, once', async () => {
    const { app, responses } = later()
    const port = await here.served.listen(createServer(app))
    for (let n = 0; n < 2; n++) await here.served.client(port, get, 'active')
    const watch = vi.spyOn(here.generation.connections, 'onEnd')
    const moving = here.begin()
    moving.walk()
    expect(watch).toHaveBeenCalledTimes(1)
    for (const response of responses) response.end()
    await until(() => here.offered().length === 2)
  })
})
