import { once } from 'node:events'
import { constants } from 'node:http2'
import { connect as dial } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { goAway } from './goaway.js'
import { listen, pair, textOf } from './specs/sessions.js'

test('why there is no first GOAWAY that refuses nothing: Node drops every stream behind it', async () => {
  const { client, session, given } = await pair()
  const stream = client.request({ ':path': '/' })
  stream.on('error', () => {})
  // The client has not got it when it asks.
  session.goaway(constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1)
  await delay(100)
  expect(given).toEqual([])
})

test('an idle session ends at once', async () => {
  const { client, session, given } = await pair()
  const stream = client.request({ ':path': '/' })
  await expect.poll(() => given.length).toBe(1)
  given[0]?.respond()
  given[0]?.end('answer')
  await textOf(stream)
  const told = once(client, 'goaway')
  const began = performance.now()
  goAway(session)
  expect((await told)[0]).toBe(constants.NGHTTP2_NO_ERROR)
  if (!session.destroyed) await once(session, 'close')
  expect(performance.now() - began).toBeLessThan(300)
})

test('a request on its way waits for the GOAWAY, is within it, and is answered', async () => {
  const { client, session, given } = await pair()
  goAway(session)
  const stream = client.request({ ':path': '/' })
  const [, lastStream] = (await once(client, 'goaway')) as [number, number]
  expect(lastStream).toBe(stream.id)
  await expect.poll(() => given.length).toBe(1)
  given[0]?.respond()
  given[0]?.end('answer')
  expect(await textOf(stream)).toBe('answer')
})

test('a stream that runs puts nothing off, and finishes', async () => {
  const { client, session, given } = await pair()
  const stream = client.request({ ':path': '/' })
  await expect.poll(() => given.length).toBe(1)
  goAway(session)
  await once(client, 'goaway')
  given[0]?.respond()
  given[0]?.end('late')
  expect(await textOf(stream)).toBe('late')
})

test('a client that has just connected may ask first', async () => {
  const { client, session, given } = await pair()
  goAway(session)
  await delay(200)
  const stream = client.request({ ':path': '/' })
  await expect.poll(() => given.length).toBe(1)
  given[0]?.respond()
  given[0]?.end('answer')
  expect(await textOf(stream)).toBe('answer')
})

test('a session on which nobody ever asked is pinged some hundred times in its second', async () => {
  const { client, session } = await pair()
  const ping = vi.spyOn(session, 'ping')
  goAway(session)
  await once(client, 'goaway')
  expect(ping.mock.calls.length).toBeGreaterThan(10)
  expect(ping.mock.calls.length).toBeLessThan(300)
})

test('a stream that never pauses is not waited for forever', async () => {
  const { client, session, given } = await pair()
  client.request({ ':path': '/' }).resume()
  await expect.poll(() => given.length).toBe(1)
  const [stream] = given
  stream?.respond()
  // In every turn of the loop that client and server share, however late that comes.
  let writing: NodeJS.Immediate | undefined
  const write = (): void => {
    stream?.write('x')
    writing = setImmediate(write)
  }
  write()
  const began = performance.now()
  goAway(session)
  await once(client, 'goaway')
  expect(performance.now() - began).toBeGreaterThan(900)
  clearImmediate(writing)
  stream?.end()
})

test('a client that answers no ping is told all the same', async () => {
  const { port, session } = await listen()
  const socket = dial(port)
  onTestFinished(() => void socket.destroy())
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]))
  goAway(await session)
  socket.resume()
  await once(socket, 'close')
})

test('a stream that the client resets while it waits is never given to the app', async () => {
  const { client, session, given } = await pair()
  goAway(session)
  const stream = client.request({ ':path': '/' })
  stream.on('error', () => {})
  stream.once('ready', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR))
  if (!session.destroyed) await once(session, 'close')
  expect(given).toEqual([])
})

test('a client that goes first ends the waiting', async () => {
  const { client, session } = await pair()
  goAway(session)
  client.close()
  if (!session.destroyed) await once(session, 'close')
  expect(session.destroyed).toBe(true)
})

test('a session that dies meanwhile is let go', async () => {
  const { client, session } = await pair()
  goAway(session)
  client.destroy()
  if (!session.destroyed) await once(session, 'close')
  goAway(session)
  expect(session.destroyed).toBe(true)
})
