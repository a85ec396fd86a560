import { once } from 'node:events'
import {
  type ClientHttp2Stream,
  connect,
  constants,
  createServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { duplexPair } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test } from 'vitest'
import { goAway } from './goaway.js'
import { type Pair, pair, textOf } from './specs/sessions.js'

/** A session whose new streams wait. */
async function held(): Promise<Pair> {
  const both = await pair()
  goAway(both.session)
  await once(both.client, 'ping')
  return both
}

/** What the client has sent is with the server, and the app has none of it. */
async function came({ client, given }: Pair): Promise<void> {
  await new Promise((resolve) => client.ping(resolve))
  expect(given).toEqual([])
}

const post = { ':method': 'POST', ':path': '/' }

/** What a stream emits from when the app is given it. */
function heardOn(stream: ServerHttp2Stream): string[] {
  const heard: string[] = []
  for (const name of ['trailers', 'end', 'close'])
    stream.on(name, (one?: IncomingHttpHeaders) =>
      heard.push(name === 'trailers' ? `trailers ${one?.['x-sum']}` : name),
    )
  return heard
}

/** Lets the app answer each stream with what it has read of it. */
function echo({ session }: Pair): void {
  session.on('stream', (stream: ServerHttp2Stream) => {
    let body = ''
    stream.on('data', (chunk: Buffer) => {
      body += chunk
    })
    stream.on('end', () => {
      stream.respond()
      stream.end(`got "${body}"`)
    })
  })
}

/** @returns what became of it: null where it is on its way */
function push(stream: ServerHttp2Stream): Promise<Error | null> {
  return new Promise((resolve) =>
    stream.pushStream({ ':path': '/pushed' }, (error, pushed) => {
      pushed?.respond()
      pushed?.end('pushed')
      resolve(error)
    }),
  )
}

/** Sends `body` and trailers. */
function endWithTrailers(stream: ClientHttp2Stream, body: string): void {
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }))
  stream.end(body)
}

describe('a request that waits for the GOAWAY', () => {
  test.each([
    ['no body', ''],
    ['a body', 'body'],
  ])('with %s ends by a frame of its own, and is answered', async (_, body) => {
    const both = await held()
    echo(both)
    const stream = both.client.request(post)
    if (body) stream.write(body)
    await came(both)
    stream.end()
    await came(both)
    expect(await textOf(stream)).toBe(`got "${body}"`)
    expect(both.given[0]?.readableEnded).toBe(true)
  })

  test('may come as one piece with its end', async () => {
    const server = createServer()
    const [near, far] = duplexPair()
    const session = once(server, 'session').then(([one]) => one as ServerHttp2Session)
    // Over a stream of JS, Node reads all that has come before it emits anything.
    const client = connect('http://localhost', { createConnection: () => near })
    onTestFinished(() => client.destroy())
    const stream = client.request(post)
    stream.end()
    server.emit('connection', far)
    const one = await session
    goAway(one)
    const both: Pair = { client, given: [], server, session: one }
    echo(both)
    expect(await textOf(stream)).toBe('got ""')
  })

  test('that the app does not read ends as it does without us', async () => {
    const both = await held()
    const stream = both.client.request(post)
    await came(both)
    stream.end()
    await came(both)
    const [given] = (await once(both.session, 'stream')) as [ServerHttp2Stream]
    expect([given.readable, given.readableEnded]).toEqual([true, false])
    await once(given, 'end')
    given.respond()
    given.end('unread')
    expect(await textOf(stream)).toBe('unread')
  })

  test.each(['', 'body'])('keeps its trailers, before its end: "%s"', async (body) => {
    const both = await held()
    const stream = both.client.request(post, { waitForTrailers: true } as object)
    await came(both)
    endWithTrailers(stream, body)
    await came(both)
    // A handler that listens after an await.
    const [given] = (await once(both.session, 'stream')) as [ServerHttp2Stream]
    const heard = heardOn(given)
    expect(await text(given)).toBe(body)
    given.respond({}, { endStream: true })
    await once(stream.resume(), 'close')
    await expect.poll(() => heard).toEqual(['trailers 7', 'end', 'close'])
  })

  test('hears of its request before it is over, where it is answered at once', async () => {
    const both = await held()
    const heard = new Promise<string[]>((resolve) =>
      both.session.on('stream', (given: ServerHttp2Stream) => {
        resolve(heardOn(given))
        given.resume().respond({}, { endStream: true })
        given.destroy()
      }),
    )
    const stream = both.client.request(post, { waitForTrailers: true } as object)
    await came(both)
    endWithTrailers(stream, '')
    await came(both)
    await once(stream.resume(), 'close')
    await expect.poll(() => heard).toEqual(['trailers 7', 'close'])
  })

  test('has its trailers in the compatibility API, too', async () => {
    const both = await held()
    const answered = new Promise<Http2ServerRequest>((resolve) =>
      both.server.on('request', async (request: Http2ServerRequest, response) => {
        const body = await text(request)
        ;(response as Http2ServerResponse).end(`${body} ${request.trailers['x-sum']}`)
        resolve(request)
      }),
    )
    const stream = both.client.request(post, { waitForTrailers: true } as object)
    await came(both)
    endWithTrailers(stream, 'body')
    await came(both)
    expect(await textOf(stream)).toBe('body 7')
    expect((await answered).complete).toBe(true)
  })

  test('may be answered with a push', async () => {
    const both = await held()
    const pushed = new Promise((resolve) =>
      both.session.on('stream', (stream: ServerHttp2Stream) => {
        resolve(push(stream))
        stream.respond()
        stream.end('answer')
      }),
    )
    const stream = both.client.request({ ':path': '/' })
    await came(both)
    expect(await pushed).toBeNull()
    expect(await textOf(stream)).toBe('answer')
  })

  test('whose handler throws takes no other with it', async () => {
    const both = await held()
    const boom = new Error('boom')
    const uncaught = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    onTestFinished(() => {
      process.removeAllListeners('uncaughtException')
      for (const one of uncaught) process.on('uncaughtException', one)
    })
    const thrown = new Promise((resolve) => process.once('uncaughtException', resolve))
    both.session.once('stream', () => {
      throw boom
    })
    const first = both.client.request({ ':path': '/' })
    first.on('error', () => {})
    const second = both.client.request({ ':path': '/' })
    await came(both)
    expect(await thrown).toBe(boom)
    await expect.poll(() => both.given.length).toBe(2)
    both.given[1]?.respond()
    both.given[1]?.end('second')
    expect(await textOf(second)).toBe('second')
  })

  test('and is given up by the client is not given to the app, and holds nothing', async () => {
    const both = await held()
    const stream = both.client.request(post)
    stream.write('body')
    await came(both)
    stream.close(constants.NGHTTP2_NO_ERROR)
    await came(both)
    if (!both.session.destroyed) await once(both.session, 'close')
    expect(both.given).toEqual([])
  })
})

test('a request that is being answered may push after the GOAWAY', async () => {
  const { client, given, session } = await pair()
  const stream = client.request({ ':path': '/' })
  await expect.poll(() => given.length).toBe(1)
  const [running] = given as [ServerHttp2Stream]
  const close = session.close.bind(session)
  const closed = new Promise<void>((resolve) => {
    session.close = () => {
      close()
      resolve()
    }
  })
  goAway(session, [running])
  await closed
  expect(session.closed).toBe(true)
  expect(await push(running)).toBeNull()
  running.respond()
  running.end('answer')
  expect(await textOf(stream)).toBe('answer')
})

test('no push is allowed any more when the client has said GOAWAY', async () => {
  const { client, given, session } = await pair()
  client.request({ ':path': '/' }).on('error', () => {})
  await expect.poll(() => given.length).toBe(1)
  const [running] = given as [ServerHttp2Stream]
  goAway(session, [running])
  expect(running.pushAllowed).toBe(true)
  const told = once(session, 'goaway')
  client.goaway()
  await told
  expect(running.pushAllowed).toBe(false)
})
