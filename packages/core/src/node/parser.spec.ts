import { once } from 'node:events'
import { OutgoingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { acceptorOf } from './established.js'
import {
  idleOf,
  isBetweenRequests,
  isParsed,
  keepsResponses,
  responseOn,
  settle,
} from './parser.js'
import { atOnce, type Client, get, serversOfEachTest, until } from './specs/servers.js'

const servers = serversOfEachTest()

const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n'

describe('between two requests', () => {
  test('is a connection that never sent a byte, and one whose request is answered', async () => {
    const { client, end } = await servers.open(await servers.serve(atOnce))
    expect(isBetweenRequests(end)).toBe(true)
    client.socket.write(get)
    await client.answered()
    expect(isBetweenRequests(end)).toBe(true)
  })

  test.each([
    ['half a head', get.slice(0, 9)],
    ['one byte', 'G'],
    ['a head without its body', post],
    ['half a body', `${post}12`],
    ['a request and the first byte of the next', `${get}G`],
    ['half a chunk', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab'],
  ])('is not one with %s', async (_, text) => {
    const { client, end } = await servers.open(await servers.serve(atOnce), text)
    await until(() => end.bytesRead === text.length)
    expect(isBetweenRequests(end)).toBe(false)
    expect(client.socket.destroyed).toBe(false)
  })

  test('asking changes nothing: the request that was half read is answered', async () => {
    const { client, end } = await servers.open(await servers.serve(atOnce), get.slice(0, 9))
    await until(() => end.bytesRead === 9)
    expect(isBetweenRequests(end)).toBe(false)
    client.socket.write(get.slice(9) + get)
    await client.answered(2)
    expect(isBetweenRequests(end)).toBe(true)
  })

  test('is not one that left http', async () => {
    const server = await servers.serve()
    const upgraded = once(server, 'upgrade')
    const upgrade = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
    const { end } = await servers.open(server, upgrade)
    await upgraded
    end.on('error', () => {})
    expect([isParsed(end), isBetweenRequests(end)]).toEqual([false, false])
  })
})

/** A connection that came as a handle. */
async function adopt(server: Server): Promise<{ socket: Socket; client: Client }> {
  const { handle, client } = await servers.stranger()
  const socket = acceptorOf(server)?.(handle)
  if (!socket) throw new Error('not accepted')
  return { socket, client }
}

describe('settling', () => {
  test('makes it idle by Node’s own notion, and no request is heard of', async () => {
    const heard: unknown[] = []
    const server = await servers.serve((request, response) => {
      heard.push(request)
      response.end()
    })
    const { socket, client } = await adopt(server)
    settle(server, socket, undefined)
    expect(idleOf(server)?.has(socket)).toBe(true)
    expect([heard.length, client.text]).toEqual([0, ''])
    client.socket.write(get)
    await until(() => heard.length === 1)
    server.closeIdleConnections()
    await once(client.socket, 'close')
  })

  test('keeps it from the 408 of a late head, which a half head of its own gets', async () => {
    const server = await servers.serve(atOnce, {
      headersTimeout: 40,
      connectionsCheckingInterval: 10,
    })
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
    const server = await servers.serve(atOnce, { keepAliveTimeout: 7_000 })
    const { socket, client } = await adopt(server)
    settle(server, socket, 3_210)
    expect(socket.timeout).toBe(3_210)
    client.socket.write(get.slice(0, 3))
    await until(() => socket.bytesRead === 3)
    expect(socket.timeout).toBe(0)
    client.socket.write(get.slice(3))
    await client.answered()
    await until(() => (socket.timeout ?? 0) >= 7_000)
    const late = await adopt(server)
    settle(server, late.socket, 3)
    expect(late.socket.timeout).toBe(1_000)
  })

  test('ends it when its time is over', async () => {
    const server = await servers.serve(atOnce)
    const { socket, client } = await adopt(server)
    settle(server, socket, 0)
    const since = performance.now()
    await once(client.socket, 'close')
    expect(performance.now() - since).toBeGreaterThan(900)
  })
})

describe('the response whose turn it is', () => {
  test('this Node keeps it on the socket', () => {
    expect(keepsResponses()).toBe(true)
  })

  test('is none of a request that an app sends on a socket of its server', async () => {
    const server = await servers.serve()
    const { end } = await servers.open(server)
    Object.assign(end, { _httpMessage: new OutgoingMessage() })
    expect(responseOn(end)).toBeUndefined()
  })
})
