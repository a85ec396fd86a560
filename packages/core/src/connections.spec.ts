import { once } from 'node:events'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, createServer as createNetServer, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Connections, type Kind } from './connections.js'

let connections = new Connections()
let cleanups: (() => void)[] = []

afterEach(() => {
  for (const cleanup of cleanups) cleanup()
  cleanups = []
  connections.uninstall()
  connections = new Connections()
})

async function listen<S extends Server | ReturnType<typeof createNetServer>>(server: S) {
  connections.track(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(() => server.close())
  return (server.address() as AddressInfo).port
}

/** A client whose connection has been accepted. */
async function client(port: number): Promise<Socket> {
  const before = connections.size
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  cleanups.push(() => socket.destroy())
  await until(() => connections.size > before)
  return socket
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn()
}

const kinds = (): Kind[] => [...connections.kinds().values()]
const untilKinds = (...wanted: Kind[]): Promise<void> =>
  until(() => kinds().sort().join() === wanted.sort().join())

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

/** Answers when it is told to. */
function later(): { app: RequestListener; responses: ServerResponse[] } {
  const responses: ServerResponse[] = []
  return { responses, app: (_, response) => void responses.push(response) }
}

describe('what a connection is at', () => {
  test('silent, until its first byte; partial, until the head is whole; active; idle', async () => {
    const { app, responses } = later()
    const socket = await client(await listen(createServer(app)))
    expect(kinds()).toEqual(['silent'])
    socket.write(get.slice(0, 20))
    await untilKinds('partial')
    socket.write(get.slice(20))
    await untilKinds('active')
    responses[0]?.end('x')
    await once(socket, 'data')
    await untilKinds('idle')
    socket.write(get.slice(0, 3))
    await untilKinds('partial')
    socket.write(get.slice(3))
    await untilKinds('active')
    expect(responses).toHaveLength(2)
  })

  test('partial, while the body of an answered request still comes', async () => {
    const socket = await client(await listen(createServer((_, response) => response.end('x'))))
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf')
    await untilKinds('partial')
    socket.write(' done')
    await untilKinds('idle')
  })

  test('upgraded, once it left http', async () => {
    const server = createServer()
    server.on('upgrade', (_, socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'))
    const socket = await client(await listen(server))
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
    await once(socket, 'data')
    expect(kinds()).toEqual(['upgraded'])
  })

  test('upgraded, where the server does not speak http', async () => {
    await client(await listen(createNetServer()))
    expect(kinds()).toEqual(['upgraded'])
  })

  test('each its own, and asking leaves every socket as it was', async () => {
    const { app, responses } = later()
    const port = await listen(createServer(app))
    const [idle, active] = [await client(port), await client(port), await client(port)]
    idle?.write(get)
    await until(() => responses.length === 1)
    responses[0]?.end()
    active?.write(get)
    await untilKinds('idle', 'active', 'silent')
    for (const { socket } of connections) {
      expect(socket.destroyed).toBe(false)
      expect(Object.hasOwn(socket, 'destroy')).toBe(false)
    }
  })
})

test('a socket whose destroy somebody wrapped keeps the wrapper', async () => {
  const server = createServer()
  const wrapper = vi.fn()
  server.on('connection', (socket) => Object.assign(socket, { destroy: wrapper }))
  await client(await listen(server))
  connections.kinds()
  const [connection] = connections
  const { destroy } = connection?.socket ?? {}
  Reflect.deleteProperty(connection?.socket ?? {}, 'destroy')
  expect(destroy).toBe(wrapper)
})

describe('requests in flight', () => {
  test('are counted from their head to the end of their response', async () => {
    const { app, responses } = later()
    const port = await listen(createServer(app))
    const [one, two] = [await client(port), await client(port)]
    one.write(get)
    two.write(get)
    await until(() => connections.inFlight === 2)
    responses[0]?.end()
    await until(() => connections.inFlight === 1)
    responses[1]?.end()
    await until(() => connections.inFlight === 0)
    expect(connections.size).toBe(2)
  })

  test('that are pipelined count one by one, oldest first', async () => {
    const { app, responses } = later()
    const socket = await client(await listen(createServer(app)))
    socket.write(get.replace('/', '/1') + get.replace('/', '/2') + get.replace('/', '/3'))
    await until(() => connections.inFlight === 3)
    const [connection] = connections
    const all = [...(connection?.exchanges ?? [])]
    expect(all).toHaveLength(3)
    expect(responses.map(({ req }) => req.url)).toEqual(['/1', '/2', '/3'])
    responses[2]?.end()
    responses[0]?.end()
    await until(() => connections.inFlight === 2)
    expect(connection?.exchanges).toEqual(all.slice(1))
    responses[1]?.end()
    await untilKinds('idle')
    expect(connections.inFlight).toBe(0)
  })

  test('that are aborted count no more, pipelined ones neither', async () => {
    const { app, responses } = later()
    const socket = await client(await listen(createServer(app)))
    socket.write(get + get)
    await until(() => connections.inFlight === 2)
    socket.destroy()
    await until(() => connections.size === 0)
    for (const response of responses) response.end()
    await turn()
    expect(connections.inFlight).toBe(0)
  })

  test('that are aborted before their head is whole never did', async () => {
    const socket = await client(await listen(createServer()))
    socket.write(get.slice(0, 9))
    await untilKinds('partial')
    socket.destroy()
    await connections.whenEmpty()
    expect(connections.inFlight).toBe(0)
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
    const socket = await client(await listen(server))
    const undo = connections.onRequest(() => void seen.push('told'))
    socket.write(get)
    await untilKinds('idle')
    socket.write(get.replace('Host', 'Expect: 100-continue\r\nContent-Length: 0\r\nHost'))
    await connections.whenEmpty()
    undo()
    const other = await client((server.address() as AddressInfo).port)
    other.write(get)
    await untilKinds('idle')
    expect(seen).toEqual(['told', 'app', 'told', 'app', 'app'])
  })
})
