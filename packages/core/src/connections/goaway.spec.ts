import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  createServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { type AddressInfo, connect as dial } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { goAway } from './goaway.js'

interface Pair {
  client: ClientHttp2Session
  session: ServerHttp2Session
  /** Of the streams that the app was given, in their order. */
  given: ServerHttp2Stream[]
}

async function listen(): Promise<{ port: number; session: Promise<ServerHttp2Session> }> {
  const server = createServer()
  const session = once(server, 'session').then(([one]) => one as ServerHttp2Session)
  server.listen(0)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { port: (server.address() as AddressInfo).port, session }
}

async function pair(): Promise<Pair> {
  const { port, session } = await listen()
  const client = connect(`http://localhost:${port}`)
  onTestFinished(() => client.destroy())
  const given: ServerHttp2Stream[] = []
  const one = await session
  one.on('stream', (stream: ServerHttp2Stream) => given.push(stream))
  return { client, session: one, given }
}

async function textOf(stream: ClientHttp2Stream): Promise<string> {
  stream.setEncoding('utf8')
  let text = ''
  for await (const chunk of stream) text += chunk
  return text
}

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
