import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { atOnce, type Client, get, later, Served, until } from '../connections/specs/served.js'
import {
  acceptorOf,
  freeze,
  idleAmong,
  isBetweenRequests,
  isFlushed,
  isFull,
  missingForMigration,
  restOf,
  settle,
} from './established.js'
import { type Handle, handleOf } from './handle.js'

let served = new Served()

beforeEach(() => {
  served = new Served()
})

afterEach(() => served.cleanup())

/** The server's end of the newest connection. */
const socketOf = (): Socket => [...served.connections].at(-1)?.socket as Socket

const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n'

describe('between two requests', () => {
  test('is a connection that never sent a byte, and one whose request is answered', async () => {
    const port = await served.listen(createServer(atOnce))
    const { socket } = await served.client(port, '', 'silent')
    expect(isBetweenRequests(socketOf())).toBe(true)
    socket.write(get)
    await once(socket, 'data')
    expect(isBetweenRequests(socketOf())).toBe(true)
  })

  test.each([
    ['half a head', get.slice(0, 9)],
    ['one byte', 'G'],
    ['a head without its body', post],
    ['half a body', `${post}12`],
    ['a request and the first byte of the next', `${get}G`],
    ['half a chunk', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab'],
  ])('is not one with %s', async (_, text) => {
    const { socket } = await served.client(await served.listen(createServer(atOnce)), text)
    await until(() => socketOf().bytesRead === text.length)
    expect(isBetweenRequests(socketOf())).toBe(false)
    expect(socket.destroyed).toBe(false)
  })

  test('asking changes nothing: the request that was half read is answered', async () => {
    const client = await served.client(await served.listen(createServer(atOnce)), get.slice(0, 9))
    await until(() => socketOf().bytesRead === 9)
    expect(isBetweenRequests(socketOf())).toBe(false)
    client.socket.write(get.slice(9) + get)
    await until(() => client.text.match(/200 OK/g)?.length === 2)
    expect(isBetweenRequests(socketOf())).toBe(true)
  })

  test('is not one that left http', async () => {
    const server = createServer()
    server.on('upgrade', (_, socket) =>
      socket.on('error', () => {}).write('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
    )
    const upgrade = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
    await served.client(await served.listen(server), upgrade, 'upgraded')
    expect(isBetweenRequests(socketOf())).toBe(false)
  })

  test('what a slow reader has not taken is not flushed', async () => {
    const { app, responses } = later()
    const { socket } = await served.client(await served.listen(createServer(app)), get, 'active')
    socket.pause()
    expect(isFlushed(socketOf())).toBe(true)
    responses[0]?.write(Buffer.alloc(30_000_000))
    await until(() => !isFlushed(socketOf()))
    socket.resume()
    await until(() => isFlushed(socketOf()))
  })
})

describe('the rest of its time', () => {
  test('shrinks while a connection is idle, and is whole again after a request', async () => {
    const server = createServer({ keepAliveTimeout: 5_000 }, atOnce)
    const client = await served.client(await served.listen(server), get, 'idle')
    const whole = socketOf().timeout ?? 0
    expect(whole).toBeGreaterThanOrEqual(5_000)
    expect(restOf(socketOf())).toBeGreaterThan(whole - 100)
    await delay(200)
    const rest = restOf(socketOf()) ?? 0
    expect(rest).toBeLessThan(whole - 150)
    expect(rest).toBeGreaterThan(whole - 2_000)
    client.socket.write(get)
    await until(() => client.text.match(/200 OK/g)?.length === 2)
    await until(() => (restOf(socketOf()) ?? 0) > whole - 100)
  })

  test('has no end where nothing ends it', async () => {
    const server = createServer({ keepAliveTimeout: 0 }, atOnce)
    await served.client(await served.listen(server), get, 'idle')
    expect(restOf(socketOf())).toBeUndefined()
  })
})

describe('freezing', () => {
  test('leaves bytes in the kernel until it thaws', async () => {
    const client = await served.client(await served.listen(createServer(atOnce)), get, 'idle')
    const read = socketOf().bytesRead
    const frozen = freeze(socketOf())
    client.socket.write(get)
    // The kernel has it: a round trip over another connection of the same loop.
    await served.client(await served.listen(createServer(atOnce)), get, 'idle')
    const [first] = [...served.connections]
    expect(first?.socket.bytesRead).toBe(read)
    frozen?.thaw()
    await until(() => client.text.match(/200 OK/g)?.length === 2)
  })

  test('stops the clock of an idle connection, and thawing winds it up again', async () => {
    const server = createServer({ keepAliveTimeout: 10_000 }, atOnce)
    await served.client(await served.listen(server), get, 'idle')
    const { timeout } = socketOf()
    expect(timeout).toBeGreaterThanOrEqual(10_000)
    const frozen = freeze(socketOf())
    expect(socketOf().timeout).toBe(0)
    frozen?.thaw()
    expect(socketOf().timeout).toBe(timeout)
  })

  test('is nothing on a closed connection, and neither is thawing', async () => {
    await served.client(await served.listen(createServer(atOnce)), get, 'idle')
    const socket = socketOf()
    const frozen = freeze(socket)
    socket.destroy()
    frozen?.thaw()
    expect(freeze(socket)).toBeUndefined()
  })
})

async function adopt(server: Server, client?: string): Promise<{ socket: Socket; client: Client }> {
  const { handle, client: one } = await served.stranger()
  if (client) one.socket.write(client)
  const socket = acceptorOf(server)?.(handle)
  if (!socket) throw new Error('not accepted')
  return { socket, client: one }
}

describe('accepting a handle', () => {
  test('is like accepting a connection: counted, announced, answered', async () => {
    const server = createServer({ noDelay: true }, atOnce)
    await served.listen(server)
    const announced: Socket[] = []
    server.on('connection', (one) => announced.push(one))
    const { socket, client } = await adopt(server)
    expect(announced).toEqual([socket])
    expect(socket).toMatchObject({ server, remoteAddress: '127.0.0.1' })
    const count = await new Promise((done) => server.getConnections((_, n) => done(n)))
    expect(count).toBe(1)
    client.socket.write(get)
    await until(() => client.text.includes('200 OK'))
  })

  test('does not drop it for maxConnections, and leaves that as it was', async () => {
    const server = createServer(atOnce)
    await served.listen(server)
    server.maxConnections = 1
    await adopt(server)
    expect([isFull(server, 0), server.maxConnections]).toEqual([true, 1])
    const { socket } = await adopt(server)
    expect(socket.destroyed).toBe(false)
    expect(server.maxConnections).toBe(1)
  })

  test('is full with what is coming', async () => {
    const server = createServer(atOnce)
    await served.listen(server)
    expect(isFull(server, 9)).toBe(false)
    server.maxConnections = 2
    expect([isFull(server, 1), isFull(server, 2)]).toEqual([false, true])
  })

  test('works when the server has stopped listening meanwhile; not where it never did', async () => {
    const server = createServer(atOnce)
    await served.listen(server)
    const accept = acceptorOf(server)
    server.close()
    const { handle, client } = await served.stranger()
    expect(accept?.(handle)).toBeDefined()
    client.socket.write(get)
    await until(() => client.text.includes('200 OK'))
    expect(acceptorOf(createServer())).toBeUndefined()
  })
})

describe('settling', () => {
  test('makes it idle by Node’s own notion, and no request is heard of', async () => {
    const heard: unknown[] = []
    const server = createServer((request, response) => {
      heard.push(request)
      response.end()
    })
    await served.listen(server)
    const { socket, client } = await adopt(server)
    settle(server, socket, undefined)
    expect(idleAmong(server, [socket]).size).toBe(1)
    expect([heard.length, client.text]).toEqual([0, ''])
    client.socket.write(get)
    await until(() => heard.length === 1)
    server.closeIdleConnections()
    await once(client.socket, 'close')
  })

  test('keeps it from the 408 of a late head, which a half head of its own gets', async () => {
    const server = createServer({ headersTimeout: 40, connectionsCheckingInterval: 10 }, atOnce)
    await served.listen(server)
    const unsettled = await adopt(server)
    const settled = await adopt(server)
    settle(server, settled.socket, undefined)
    await once(unsettled.client.socket, 'close')
    expect(unsettled.client.text).toMatch(/^HTTP\/1.1 408 /)
    expect(settled.client.text).toBe('')
    settled.client.socket.write(get.slice(0, 5))
    await once(settled.client.socket, 'close')
    expect(settled.client.text).toMatch(/^HTTP\/1.1 408 /)
  })

  test('gives it the rest of its time, a second at least, and its next request all of it', async () => {
    const server = createServer({ keepAliveTimeout: 7_000 }, atOnce)
    await served.listen(server)
    const { socket, client } = await adopt(server)
    settle(server, socket, 3_210)
    expect(socket.timeout).toBe(3_210)
    client.socket.write(get.slice(0, 3))
    await until(() => socket.bytesRead === 3)
    expect(socket.timeout).toBe(0)
    client.socket.write(get.slice(3))
    await until(() => client.text.includes('200 OK'))
    await until(() => (socket.timeout ?? 0) >= 7_000)
    const late = await adopt(server)
    settle(server, late.socket, 3)
    expect(late.socket.timeout).toBe(1_000)
  })

  test('ends it when its time is over', async () => {
    const server = createServer(atOnce)
    await served.listen(server)
    const { socket, client } = await adopt(server)
    settle(server, socket, 0)
    const since = performance.now()
    await once(client.socket, 'close')
    expect(performance.now() - since).toBeGreaterThan(900)
  })
})

describe('what this Node lacks', () => {
  test('is nothing, for a listening socket of any kind', async () => {
    const server = createServer()
    await served.listen(server)
    expect(missingForMigration([handleOf(server) as Handle])).toEqual([])
  })

  test('is named', () => {
    expect(missingForMigration([{ fd: 1, listen: () => 0, close: () => {} }])).toEqual([
      'readStart of a handle',
      'readStop of a handle',
      'onconnection of a handle',
    ])
  })

  test('is the parser, where it cannot say what it is at', () => {
    const socket = new Duplex({ read() {}, write: (_, __, done) => done() })
    createServer().emit('connection', socket)
    const { parser } = socket as unknown as { parser: { finish(): unknown } }
    const prototype: typeof parser = Object.getPrototypeOf(parser)
    const { finish } = prototype
    prototype.finish = () => undefined
    try {
      expect(missingForMigration([])).toEqual([
        'HTTP parser that tells whether it is between two requests',
      ])
    } finally {
      prototype.finish = finish
      socket.destroy()
    }
  })
})
