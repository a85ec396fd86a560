import { randomBytes } from 'node:crypto'
import { type EventEmitter, once } from 'node:events'
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { type AddressInfo, createServer as createNetServer, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { canStandUnder, standsUnder, standUnderSessions, writeUnder } from './undersession.js'

interface Under {
  client: ClientHttp2Session
  server: Http2Server
  session: ServerHttp2Session
  socket: Socket
  stepAside: () => void
}

/** A server that sends back what it gets, and a session of it. */
async function under(isWanted = (): boolean => true): Promise<Under> {
  const server = createServer()
  const stepAside = standUnderSessions(server, isWanted)
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {})
    stream.respond()
    stream.pipe(stream)
  })
  server.listen(0)
  await once(server, 'listening')
  const connected = once(server, 'connection')
  const made = once(server, 'session')
  const client = connect(`http://localhost:${(server.address() as AddressInfo).port}`)
  client.on('error', () => {})
  onTestFinished(() => {
    client.destroy()
    server.close()
  })
  const [[socket], [session]] = (await Promise.all([connected, made])) as [[Socket], [unknown]]
  return { client, server, session: session as ServerHttp2Session, socket, stepAside }
}

async function echoed(client: ClientHttp2Session, body: Buffer): Promise<Buffer> {
  const stream = client.request({ ':method': 'POST', ':path': '/' })
  stream.end(body)
  return buffer(stream)
}

const nameOfHandle = (of: object): string => Reflect.get(of, '_handle')?.constructor.name

test('this Node has what it takes', () => {
  expect(canStandUnder()).toBe(true)
})

test('the socket is what it was, for the session, too', async () => {
  const { client, session, socket } = await under()
  expect(standsUnder(session)).toBe(true)
  expect(nameOfHandle(socket)).toBe('TCP')
  expect(session.socket.remotePort).toBe(client.socket.localPort)
  expect(socket.listenerCount('newListener')).toBe(0)
})

test.each([0, 1, 16_384, 3_000_000])('%d bytes go there and back', async (size) => {
  const { client, session } = await under()
  expect(standsUnder(session)).toBe(true)
  const body = randomBytes(size)
  expect(body.equals(await echoed(client, body))).toBe(true)
})

test('many streams at a time, in small pieces', async () => {
  const { client } = await under()
  const bodies = Array.from({ length: 50 }, (_, n) => randomBytes(n * 100))
  const answers = await Promise.all(bodies.map((body) => echoed(client, body)))
  expect(answers.every((answer, n) => bodies[n]?.equals(answer))).toBe(true)
})

test('a frame comes between those of the session', async () => {
  const { client, session } = await under()
  const answers = Array.from({ length: 20 }, (_, n) => echoed(client, randomBytes(n * 10_000)))
  const told = once(client, 'goaway')
  await once(session, 'stream')
  writeUnder(session, Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]))
  expect((await told).slice(0, 2)).toEqual([0, 2 ** 31 - 1])
  expect((await Promise.all(answers)).map(({ length }) => length)).toEqual(
    Array.from({ length: 20 }, (_, n) => n * 10_000),
  )
})

describe('a session ends', () => {
  test('when the client closes it', async () => {
    const { client, session, socket } = await under()
    await echoed(client, Buffer.from('x'))
    client.close()
    await Promise.all([once(session, 'close'), once(socket, 'close')])
  })

  test('when the server closes it', async () => {
    const { client, session, socket } = await under()
    await echoed(client, Buffer.from('x'))
    session.close()
    await Promise.all([once(client, 'close'), once(session, 'close'), once(socket, 'close')])
  })

  test.each(['client', 'socket', 'session'] as const)(
    'when its %s is destroyed, while a write is under way',
    async (which) => {
      const all = await under()
      const stream = all.client.request({ ':method': 'POST', ':path': '/' })
      stream.on('error', () => {})
      stream.end(randomBytes(5_000_000))
      await once(stream, 'response')
      // A write may fail before the end is read: Node tells of it, as of any reset.
      const closed = Promise.all(
        [all.session, all.socket].map(
          (one: EventEmitter) => new Promise((resolve) => one.once('close', resolve)),
        ),
      )
      all[which].destroy()
      await closed
      all.server.close()
      await once(all.server, 'close')
    },
  )

  test('when the client does not read, and is cut', async () => {
    const { client, session, socket } = await under()
    const stream = client.request({ ':method': 'POST', ':path': '/' })
    stream.on('error', () => {})
    stream.end(randomBytes(5_000_000))
    await once(stream, 'response')
    client.socket.unref()
    session.destroy()
    await once(session, 'close')
    expect(socket.destroyed || socket.writableEnded).toBe(true)
  })
})

test('where it is not wanted, or no more, Node has its own way', async () => {
  const wanted = vi.fn(() => false)
  const { client, server, session, stepAside } = await under(wanted)
  expect(wanted).toHaveBeenCalledOnce()
  expect(standsUnder(session)).toBe(false)
  expect(await echoed(client, Buffer.from('x'))).toEqual(Buffer.from('x'))
  wanted.mockReturnValue(true)
  stepAside()
  const made = once(server, 'session')
  const other = connect(`http://localhost:${(server.address() as AddressInfo).port}`)
  onTestFinished(() => other.destroy())
  expect(standsUnder((await made)[0] as ServerHttp2Session)).toBe(false)
})

test('a server without HTTP/2 is let alone', () => {
  const server = createNetServer()
  standUnderSessions(server, () => true)
  expect(server.listenerCount('connection')).toBe(0)
})
