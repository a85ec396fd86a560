import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { acceptorOf, freeze, isFlushed, isFull, restOf } from './established.js'
import { handleOf } from './handle.js'
import { idleOf } from './parser.js'
import { atOnce, type Client, get, later, serversOfEachTest, until } from './specs/servers.js'

const servers = serversOfEachTest()

interface Reads {
  readStart(): number
}

/** A connection whose first request was answered. */
async function idle(server: Server): Promise<{ client: Client; end: Socket }> {
  const opened = await servers.open(server, get)
  await until(() => idleOf(server)?.has(opened.end) === true)
  await opened.client.answered()
  return opened
}

test('what a slow reader has not taken is not flushed', async () => {
  const { app, responses } = later()
  const { client, end } = await servers.open(await servers.serve(app), get)
  await until(() => responses.length === 1)
  const { socket } = client
  socket.pause()
  expect(isFlushed(end)).toBe(true)
  responses[0]?.write(Buffer.alloc(30_000_000))
  await until(() => !isFlushed(end))
  socket.resume()
  await until(() => isFlushed(end))
})

describe('the rest of its time', () => {
  test('shrinks while a connection is idle, and is whole again after a request', async () => {
    const { client, end } = await idle(await servers.serve(atOnce, { keepAliveTimeout: 5_000 }))
    const whole = end.timeout ?? 0
    expect(whole).toBeGreaterThanOrEqual(5_000)
    expect(restOf(end)).toBeGreaterThan(whole - 100)
    await delay(200)
    const rest = restOf(end) ?? 0
    expect(rest).toBeLessThan(whole - 150)
    expect(rest).toBeGreaterThan(whole - 2_000)
    client.socket.write(get)
    await client.answered(2)
    await until(() => (restOf(end) ?? 0) > whole - 100)
  })

  test('has no end where nothing ends it', async () => {
    const { end } = await idle(await servers.serve(atOnce, { keepAliveTimeout: 0 }))
    expect(restOf(end)).toBeUndefined()
  })
})

describe('freezing', () => {
  test('leaves bytes in the kernel until it thaws', async () => {
    const { client, end } = await idle(await servers.serve(atOnce))
    const read = end.bytesRead
    const frozen = freeze(end)
    // On its way already: not to a second one as well.
    expect(freeze(end)).toBeUndefined()
    client.socket.write(get)
    // The kernel has it: a round trip over another connection of the same loop.
    await idle(await servers.serve(atOnce))
    expect(end.bytesRead).toBe(read)
    frozen?.thaw()
    await client.answered(2)
  })

  test.each<[string, (end: Socket) => unknown]>([
    ['resume()', (end) => end.resume()],
    ['resume() after pause()', (end) => end.pause().resume()],
    ['read()', (end) => end.pause() && end.read()],
    ['_read()', (end) => end.pause() && end._read(1)],
    ['readStart() of its handle', (end) => (handleOf(end as never) as never as Reads).readStart()],
    ['on("data")', (end) => end.on('data', () => {})],
  ])('lasts until it thaws, whoever calls %s', async (_, read) => {
    const { client, end } = await idle(await servers.serve(atOnce))
    const before = end.bytesRead
    const frozen = freeze(end)
    read(end)
    client.socket.write(get)
    await idle(await servers.serve(atOnce))
    read(end)
    await idle(await servers.serve(atOnce))
    expect(end.bytesRead).toBe(before)
    frozen?.thaw()
    end.resume()
    await client.answered(2)
  })

  test('leaves a socket paused that was paused', async () => {
    const { client, end } = await idle(await servers.serve(atOnce))
    const before = end.bytesRead
    const frozen = freeze(end)
    end.pause()
    client.socket.write(get)
    frozen?.thaw()
    await idle(await servers.serve(atOnce))
    expect(end.bytesRead).toBe(before)
    end.resume()
    await client.answered(2)
  })

  test('stops the clock of an idle connection, and thawing winds it up again', async () => {
    const { end } = await idle(await servers.serve(atOnce, { keepAliveTimeout: 10_000 }))
    const { timeout } = end
    expect(timeout).toBeGreaterThanOrEqual(10_000)
    const frozen = freeze(end)
    expect(end.timeout).toBe(0)
    frozen?.thaw()
    expect(end.timeout).toBe(timeout)
  })

  test('is nothing on a closed connection, and neither is thawing', async () => {
    const { end } = await idle(await servers.serve(atOnce))
    const frozen = freeze(end)
    end.destroy()
    frozen?.thaw()
    expect(freeze(end)).toBeUndefined()
  })
})

describe('accepting a handle', () => {
  test('is like accepting a connection: counted, announced, answered', async () => {
    const server = await servers.serve(atOnce, { noDelay: true })
    const announced: Socket[] = []
    server.on('connection', (one) => announced.push(one))
    const { socket, client } = await adopt(server)
    expect(announced).toEqual([socket])
    expect(socket).toMatchObject({ server, remoteAddress: '127.0.0.1' })
    const count = await new Promise((done) => server.getConnections((_, n) => done(n)))
    expect(count).toBe(1)
    client.socket.write(get)
    await client.answered()
  })

  test('does not drop it for maxConnections, and leaves that as it was', async () => {
    const server = await servers.serve(atOnce)
    server.maxConnections = 1
    await adopt(server)
    expect([isFull(server, 0), server.maxConnections]).toEqual([true, 1])
    const { socket } = await adopt(server)
    expect(socket.destroyed).toBe(false)
    expect(server.maxConnections).toBe(1)
  })

  test('is full with what is coming', async () => {
    const server = await servers.serve(atOnce)
    expect(isFull(server, 9)).toBe(false)
    server.maxConnections = 2
    expect([isFull(server, 1), isFull(server, 2)]).toEqual([false, true])
  })

  test('works when the server has stopped listening meanwhile; not where it never did', async () => {
    const server = await servers.serve(atOnce)
    const accept = acceptorOf(server)
    server.close()
    const { handle, client } = await servers.stranger()
    expect(accept?.(handle)).toBeDefined()
    client.socket.write(get)
    await client.answered()
    expect(acceptorOf(createServer())).toBeUndefined()
  })
})

/** A connection that came as a handle. */
async function adopt(server: Server): Promise<{ socket: Socket; client: Client }> {
  const { handle, client } = await servers.stranger()
  const socket = acceptorOf(server)?.(handle)
  if (!socket) throw new Error('not accepted')
  return { socket, client }
}
