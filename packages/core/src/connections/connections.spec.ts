import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createNetServer, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { get, later, until } from '../node/specs/servers.js'
import { servedOfEachTest } from './specs/served.js'

const served = servedOfEachTest()

const client = async (port: number): Promise<Socket> => (await served.client(port)).socket

describe('what a connection is at', () => {
  test('silent, until its first byte; partial, until the head is whole; active; idle', async () => {
    const { app, responses } = later()
    const socket = await client(await served.listen(createServer(app)))
    expect([...served.connections.kinds().values()]).toEqual(['silent'])
    socket.write(get.slice(0, 20))
    await served.untilKinds('partial')
    socket.write(get.slice(20))
    await served.untilKinds('active')
    responses[0]?.end('x')
    await once(socket, 'data')
    await served.untilKinds('idle')
    socket.write(get.slice(0, 3))
    await served.untilKinds('partial')
    socket.write(get.slice(3))
    await served.untilKinds('active')
    expect(responses).toHaveLength(2)
  })

  test('partial, while the body of an answered request still comes', async () => {
    const socket = await client(
      await served.listen(createServer((_, response) => response.end('x'))),
    )
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf')
    await served.untilKinds('partial')
    socket.write(' done')
    await served.untilKinds('idle')
  })

  test('upgraded, once it left http', async () => {
    const server = createServer()
    server.on('upgrade', (_, socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'))
    const socket = await client(await served.listen(server))
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
    await once(socket, 'data')
    expect([...served.connections.kinds().values()]).toEqual(['upgraded'])
  })

  test('upgraded, where the handshake was read by another process, and nothing came since', async () => {
    const server = createServer()
    // Its client is gone with the test, and may not have read that.
    server.on('upgrade', (_, socket) =>
      socket.on('error', () => {}).write('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
    )
    server.on('connection', (socket) =>
      socket.emit(
        'data',
        Buffer.from('GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: x\r\nHost: a\r\n\r\n'),
      ),
    )
    await client(await served.listen(server))
    expect([...served.connections.kinds().values()]).toEqual(['upgraded'])
  })

  test('upgraded, where the server does not speak http', async () => {
    await client(await served.listen(createNetServer()))
    expect([...served.connections.kinds().values()]).toEqual(['upgraded'])
  })

  test('each its own, and asking leaves every socket as it was', async () => {
    const { app, responses } = later()
    const port = await served.listen(createServer(app))
    const [idle, active] = [await client(port), await client(port), await client(port)]
    idle?.write(get)
    await until(() => responses.length === 1)
    responses[0]?.end()
    active?.write(get)
    await served.untilKinds('idle', 'active', 'silent')
    for (const { socket } of served.connections) {
      expect(socket.destroyed).toBe(false)
      expect(Object.hasOwn(socket, 'destroy')).toBe(false)
    }
  })
})

test('a socket whose destroy somebody wrapped keeps the wrapper', async () => {
  const server = createServer()
  const wrapper = vi.fn()
  server.on('connection', (socket) => Object.assign(socket, { destroy: wrapper }))
  await client(await served.listen(server))
  served.connections.kinds()
  const [connection] = served.connections
  const { destroy } = connection?.socket ?? {}
  Reflect.deleteProperty(connection?.socket ?? {}, 'destroy')
  expect(destroy).toBe(wrapper)
})

describe('requests in flight', () => {
  test('are counted from their head to the end of their response', async () => {
    const { app, responses } = later()
    const port = await served.listen(createServer(app))
    const [one, two] = [await client(port), await client(port)]
    one.write(get)
    two.write(get)
    await until(() => served.connections.inFlight === 2)
    responses[0]?.end()
    await until(() => served.connections.inFlight === 1)
    responses[1]?.end()
    await until(() => served.connections.inFlight === 0)
    expect(served.connections.size).toBe(2)
  })

  test('that are pipelined count one by one, oldest first', async () => {
    const { app, responses } = later()
    const socket = await client(await served.listen(createServer(app)))
    socket.write(get.replace('/', '/1') + get.replace('/', '/2') + get.replace('/', '/3'))
    await until(() => served.connections.inFlight === 3)
    const [connection] = served.connections
    const all = [...(connection?.exchanges ?? [])]
    expect(all).toHaveLength(3)
    expect(responses.map(({ req }) => req.url)).toEqual(['/1', '/2', '/3'])
    responses[2]?.end()
    responses[0]?.end()
    await until(() => served.connections.inFlight === 2)
    expect(connection?.exchanges).toEqual(all.slice(1))
    responses[1]?.end()
    await served.untilKinds('idle')
    expect(served.connections.inFlight).toBe(0)
  })

  test('that are aborted count no more, pipelined ones neither', async () => {
    const { app, responses } = later()
    const socket = await client(await served.listen(createServer(app)))
    socket.write(get + get)
    await until(() => served.connections.inFlight === 2)
    socket.destroy()
    await until(() => served.connections.size === 0)
    for (const response of responses) response.end()
    await turn()
    expect(served.connections.inFlight).toBe(0)
  })

  test('that are aborted before their head is whole never did', async () => {
    const socket = await client(await served.listen(createServer()))
    socket.write(get.slice(0, 9))
    await served.untilKinds('partial')
    socket.destroy()
    await served.connections.whenEmpty()
    expect(served.connections.inFlight).toBe(0)
  })

  test('are told before the app sees them, also with Expect: 100-continue', async () => {
    const seen: string[] = []
    const server = createServer((_, response) => {
      seen.push('app')
      response.end()
    })
    server.on('checkContinue', (_, response) => {
      seen.push('app')
      response.end()
    })
    const socket = await client(await served.listen(server))
    const undo = served.connections.onRequest(() => void seen.push('told'))
    socket.write(get)
    await served.untilKinds('idle')
    socket.write(get.replace('Host', 'Expect: 100-continue\r\nContent-Length: 0\r\nHost'))
    await served.connections.whenEmpty()
    undo()
    const other = await client((server.address() as AddressInfo).port)
    other.write(get)
    await served.untilKinds('idle')
    expect(seen).toEqual(['told', 'app', 'told', 'app', 'app'])
  })
})

test('a request is named as the client asked, whatever a router has cut off', async () => {
  const { app, responses } = later()
  await served.client(await served.listen(createServer(app)), get, 'active')
  const [response] = responses
  Object.assign(response?.req ?? {}, { originalUrl: '/api/users', url: '/users' })
  const [connection] = served.connections
  expect(connection?.exchanges.map(({ url }) => url)).toEqual(['/api/users'])
})
