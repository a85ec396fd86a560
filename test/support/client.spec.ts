import { once } from 'node:events'
import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import {
  type AddressInfo,
  createServer as createNetServer,
  type Server,
  type Socket,
} from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  type Failure,
  type Load,
  type LoadOptions,
  load,
  type Mode,
  type Reply,
  type Report,
  RequestError,
  request,
} from './client/index.js'
import { Malformed, type Message, ResponseParser } from './client/parser.js'

const MODES: Mode[] = [
  'keep-alive',
  'new-connection',
  'two-segments',
  'pipelined',
  'chunked',
  'expect-continue',
]
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

let cleanups: (() => void)[] = []

afterEach(() => {
  for (const cleanup of cleanups) cleanup()
  cleanups = []
})

async function listening(server: Server | HttpServer, path?: string): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  cleanups.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  server.listen(path ?? { port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  return path === undefined ? (server.address() as AddressInfo).port : 0
}

function serve(listener: RequestListener): Promise<number> {
  return listening(createHttpServer(listener))
}

/** A server on bare sockets, which calls for each read that completes `heads` request heads. */
function serveRaw(onHeads: (socket: Socket, heads: number) => void): Promise<number> {
  const server = createNetServer({ noDelay: true }, (socket) => {
    let text = ''
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      const parts = (text + chunk.toString('latin1')).split('\r\n\r\n')
      text = parts.pop() ?? ''
      if (parts.length > 0) onHeads(socket, parts.length)
    })
  })
  return listening(server)
}

/** A server in a thread of its own, for when this one is busy; `onData` is what it runs. */
async function serveApart(onData: string): Promise<number> {
  const code = `
    const server = require('node:net').createServer((socket) => {
      socket.on('data', () => { ${onData} })
    })
    server.listen(0, '127.0.0.1', () => {
      require('node:worker_threads').parentPort.postMessage(server.address().port)
    })`
  const worker = new Worker(code, { eval: true })
  cleanups.push(() => void worker.terminate())
  const [port] = await once(worker, 'message')
  return port
}

function beBusy(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

/** Answers with what it was sent, as JSON, once the body is complete. */
async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const id = request.headers['x-request-id']
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ id, body: Buffer.concat(chunks).toString() }))
}

function checkEcho(reply: Reply): string | undefined {
  const { id, body } = JSON.parse(reply.body.toString())
  if (id !== reply.id) return `the reply is to ${id}`
  return body === `{"id":"${reply.id}"}` ? undefined : `the body was ${body}`
}

function only(kind: Failure, count: number): Record<Failure, number> {
  const none = { refused: 0, reset: 0, cut: 0, status: 0, timeout: 0, wrong: 0 }
  return { ...none, [kind]: count }
}

/** Runs a load until `done`, and sees that it accounts for every request, and tells of it. */
async function run(
  options: Partial<LoadOptions> & Pick<LoadOptions, 'target'>,
  done: (load: Load) => Promise<unknown>,
): Promise<Report> {
  const told: Failure[] = []
  const running = load({ connections: 1, onFailure: (kind) => told.push(kind), ...options })
  await done(running)
  const report = await running.stop()
  expect(report.sent).toBe(report.ok + report.failed)
  for (const [kind, count] of Object.entries(report.failures))
    expect(told.filter((one) => one === kind)).toHaveLength(count)
  expect(report.samples).toHaveLength(Math.min(report.failed, 20))
  return report
}

const replies = (count: number) => (running: Load) => running.progress(count)

const failures = (count: number) => (running: Load) =>
  vi.waitFor(() => expect(running.report.failed).toBeGreaterThanOrEqual(count), {
    timeout: 5_000,
    interval: 5,
  })

describe('modes', () => {
  test.each(MODES)('%s loses nothing and invents nothing', async (mode) => {
    let handled = 0
    let opened = 0
    const server = createHttpServer((request, response) => {
      handled += 1
      return echo(request, response)
    })
    server.on('connection', () => {
      opened += 1
    })
    const target = { port: await listening(server) }
    const options = { target, mode, connections: 8, check: checkEcho }

    const report = await run(options, replies(400))

    expect(report.samples).toEqual([])
    expect(report.ok).toBeGreaterThanOrEqual(400)
    expect(handled).toBe(report.sent)
    expect(opened).toBe(report.connections)
    expect(report.connections).toBe(mode === 'new-connection' ? report.sent : 8)
    expect(report.reconnects).toBe(0)
    expect(report.closedIdle).toBe(0)
    const { p50, p99, p999, max } = report.latencies
    expect([p50, p99, p999, max]).toEqual([p50, p99, p999, max].sort((a, b) => a - b))
    expect(p50).toBeGreaterThan(0)
  })

  test('two-segments sends each request in two parts, cut where the seed says', async () => {
    const firstParts = async (seed: number) => {
      const sizes: number[] = []
      const server = createNetServer((socket) => {
        let read = 0
        socket.on('data', (chunk) => {
          if (read === 0) sizes.push(chunk.length)
          read += chunk.length
          if (!chunk.toString().endsWith('}')) return
          expect(read).toBeGreaterThan(chunk.length)
          read = 0
          socket.write(OK)
        })
      })
      const target = { port: await listening(server) }
      await run({ target, mode: 'two-segments', seed }, replies(10))
      return sizes.slice(0, 10)
    }
    const sizes = await firstParts(3)
    expect(new Set(sizes).size).toBeGreaterThan(3)
    expect(await firstParts(4)).not.toEqual(sizes)
  })

  test('pipelined writes a batch at once', async () => {
    const batches = new Set<number>()
    const port = await serveRaw((socket, heads) => {
      batches.add(heads)
      socket.write(OK.repeat(heads))
    })
    const options = { target: { port }, mode: 'pipelined', method: 'GET', pipeline: 7 } as const
    const report = await run(options, replies(50))
    expect(batches).toEqual(new Set([7]))
    expect(report.ok % 7).toBe(0)
    expect(report.failed).toBe(0)
  })

  test('chunked sends no content-length, expect-continue no body unasked', async () => {
    const seen = new Set<string>()
    const server = createHttpServer((request, response) => {
      seen.add(`${request.headers['transfer-encoding']} ${request.headers['content-length']}`)
      return echo(request, response)
    })
    let asked = 0
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      asked += 1
      // By the next turn of the loop an unasked body would have been read.
      setImmediate(() => {
        expect(request.readableLength).toBe(0)
        response.writeContinue()
        server.emit('request', request, response)
      })
    })
    const options = { target: { port: await listening(server) }, check: checkEcho }
    await run({ ...options, mode: 'chunked' }, replies(10))
    expect([...seen]).toEqual(['chunked undefined'])
    const report = await run({ ...options, mode: 'expect-continue' }, replies(10))
    expect(report.samples).toEqual([])
    expect(asked).toBe(report.sent)
  })

  test('expect-continue takes a final response for an answer', async () => {
    let received = ''
    const server = createNetServer((socket) => {
      let heads = 0
      socket.on('data', (chunk) => {
        received += chunk.toString()
        const complete = received.split('\r\n\r\n').length - 1
        socket.write(OK.repeat(complete - heads))
        heads = complete
      })
    })
    const target = { port: await listening(server) }
    const report = await run({ target, mode: 'expect-continue' }, replies(10))
    expect(report.samples).toEqual([])
    expect(report.connections).toBe(1)
    expect(received.match(/\r\n\r\n\{"id":"[\d-]+"\}/g)?.length).toBeGreaterThanOrEqual(9)
  })

  test('expect-continue takes the head of a final response for one, too', async () => {
    const [head, body] = [OK.slice(0, -2), OK.slice(-2)]
    const port = await serveRaw((socket) => {
      socket.write(head)
      socket.once('data', () => socket.write(body))
    })
    const options = { target: { port }, mode: 'expect-continue', thinkTime: 3_600_000 } as const
    expect((await run(options, replies(1))).samples).toEqual([])
  })

  test('a think time is taken between two requests, and stop does not wait for it', async () => {
    const port = await serve(echo)
    const started = performance.now()
    const report = await run({ target: { port }, thinkTime: [20, 30] }, replies(4))
    expect(performance.now() - started).toBeGreaterThanOrEqual(60)
    expect(report.ok).toBe(4)
    await run({ target: { port }, thinkTime: 3_600_000 }, replies(1))
  })
})

describe('failures', () => {
  test('refused: nothing listens', async () => {
    const server = createNetServer()
    const port = await listening(server)
    server.close()
    await once(server, 'close')
    const report = await run({ target: { port }, connections: 2 }, failures(6))
    expect(report.failures).toEqual(only('refused', report.sent))
    expect(report.connections).toBe(0)
    expect(report.samples[0]).toMatch(
      /^refused keep-alive POST \/ \d+-1: .*sent 0 of \d+ bytes, received 0 bytes, ECONNREFUSED, at \d+ ms, new connection$/,
    )
  })

  test('refused: no such Unix socket', async () => {
    const target = { path: join(tmpdir(), `no-such-socket-${process.pid}`) }
    const report = await run({ target, mode: 'pipelined' }, failures(8))
    expect(report.failures).toEqual(only('refused', report.sent))
    expect(report.samples[0]).toContain('ENOENT')
  })

  test.each(MODES)('reset: the server resets, in mode %s', async (mode) => {
    const port = await serve((request) => {
      request.socket.resetAndDestroy()
    })
    const report = await run({ target: { port }, mode, connections: 2 }, failures(8))
    expect(report.failures).toEqual(only('reset', report.sent))
    expect(report.samples[0]).toMatch(/ (broken|closed) before the response, sent/)
  })

  test('reset: the server closes before the response', async () => {
    const port = await serveRaw((socket) => socket.end())
    const report = await run({ target: { port }, method: 'GET' }, failures(5))
    expect(report.failures).toEqual(only('reset', report.sent))
    expect(report.samples[0]).toContain('closed before the response')
    expect(report.reconnects).toBe(report.connections - 1)
  })

  test('reset: the server closes after the response without saying so', async () => {
    const port = await serveRaw((socket) => socket.end(OK))
    const report = await run({ target: { port }, method: 'GET' }, failures(5))
    expect(report.ok).toBe(report.connections)
    expect(report.failures).toEqual(only('reset', report.sent - report.ok))
    expect(report.samples[0]).toMatch(/closed before the response.*reused connection$/)
    expect(report.closedIdle).toBe(0)
  })

  test.each([
    ['head', 'HTTP/1.1 200 OK\r\ncontent-le'],
    ['body', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf '],
    ['chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhalf \r\n'],
  ])('cut: within the %s, by a close and by a reset', async (_, part) => {
    const closing = await serveRaw((socket) => socket.end(part))
    const closed = await run({ target: { port: closing }, method: 'GET' }, failures(3))
    expect(closed.failures).toEqual(only('cut', closed.sent))
    expect(closed.samples[0]).toContain('closed within the response')
    expect(closed.samples[0]).toContain(`received ${part.length} bytes, no errno`)

    const resetting = await serveRaw((socket) => {
      socket.write(part, () => socket.resetAndDestroy())
    })
    const reset = await run({ target: { port: resetting }, method: 'GET' }, failures(3))
    expect(reset.failures).toEqual(only('cut', reset.sent))
    expect(reset.samples[0]).toContain('broken within the response')
    expect(reset.samples[0]).toContain(`received ${part.length} bytes, ECONNRESET`)
  })

  test('cut: a body without a length is complete on a close only', async () => {
    const head = 'HTTP/1.1 200 OK\r\n\r\n'
    const closing = await serveRaw((socket) => socket.end(`${head}all`))
    const check = ({ body }: Reply) => (body.toString() === 'all' ? undefined : 'not all')
    const whole = await run({ target: { port: closing }, method: 'GET', check }, replies(3))
    expect(whole.ok).toBe(whole.sent)
    expect(whole.closedIdle).toBe(0)

    const resetting = await serveRaw((socket) => {
      socket.write(`${head}al`, () => socket.resetAndDestroy())
    })
    const cut = await run({ target: { port: resetting }, method: 'GET' }, failures(3))
    expect(cut.failures).toEqual(only('cut', cut.sent))
  })

  test('status: complete, but not a 200', async () => {
    const port = await serve((request, response) => {
      request.resume()
      response.writeHead(500).end('no')
    })
    const kinds = new Set<Failure | undefined>()
    const onReply = (_: Reply, kind: Failure | undefined) => kinds.add(kind)
    const report = await run({ target: { port }, connections: 2, onReply }, replies(6))
    expect(report.failures).toEqual(only('status', report.sent))
    expect([...kinds]).toEqual(['status'])
    expect(report.samples[0]).toContain('status 500')
    expect(report.connections).toBe(report.sent)
  })

  test('timeout: no response, and half of one', async () => {
    const port = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 4 }).write('ha')
    })
    const report = await run({ target: { port }, connections: 2, timeout: 30 }, failures(4))
    expect(report.failures).toEqual(only('timeout', report.sent))

    const silent = await serve(() => {})
    const batch = { mode: 'pipelined', timeout: 30, connections: 2 } as const
    const pipelined = await run({ target: { port: silent }, ...batch }, failures(8))
    expect(pipelined.failures).toEqual(only('timeout', pipelined.sent))
  })

  test('timeout: not when this process was too busy to read the response', async () => {
    const port = await serveApart(`socket.write(${JSON.stringify(OK)})`)
    const running = load({ target: { port }, method: 'GET', connections: 1, timeout: 20 })
    await running.progress(1)
    // At the end of this turn of the loop the next request is on its way.
    await nextTurn()
    beBusy(60)
    await running.progress(2)
    expect((await running.stop()).samples).toEqual([])
  })

  test('wrong: check objects to some of the replies, or throws', async () => {
    const port = await serve(echo)
    const check = ({ id }: Reply) => {
      if (id.endsWith('0')) throw new Error('ends with 0')
      return id.endsWith('5') ? 'ends with 5' : undefined
    }
    const report = await run({ target: { port }, check }, replies(23))
    expect(report.failures).toEqual(only('wrong', Math.floor(report.sent / 5)))
    expect(report.samples[0]).toContain('ends with 5')
    expect(report.samples[1]).toContain('ends with 0')
  })

  test('wrong: not HTTP, with the rest of the batch unanswered', async () => {
    const port = await serveRaw((socket) => socket.write('SSH-2.0\r\n\r\n'))
    const options = { target: { port }, method: 'GET', mode: 'pipelined' } as const
    const report = await run(options, failures(4))
    expect(report.failures).toEqual({
      ...only('wrong', report.connections),
      reset: 3 * report.connections,
    })
  })

  test('wrong: bytes after the response', async () => {
    const port = await serveRaw((socket) => socket.write(`${OK}!`))
    const report = await run({ target: { port }, method: 'GET' }, failures(3))
    expect(report.failures).toEqual(only('wrong', report.sent))

    let peer: Socket | undefined
    const later = await serveRaw((socket) => {
      peer = socket
      socket.write(OK)
    })
    const patient = { target: { port: later }, method: 'GET', thinkTime: 3_600_000 }
    const onReply = () => peer?.write(OK)
    const afterwards = await run({ ...patient, onReply }, failures(1))
    expect(afterwards.failures).toEqual(only('wrong', 1))
    expect(afterwards.samples[0]).toContain('bytes that answer no request')
  })
})

describe('connections', () => {
  test('Connection: close is followed by a reconnect', async () => {
    const port = await serve((request, response) => {
      response.setHeader('connection', 'close')
      return echo(request, response)
    })
    const report = await run({ target: { port }, connections: 3, check: checkEcho }, replies(30))
    expect(report.samples).toEqual([])
    expect(report.connections).toBe(report.sent)
    expect(report.reconnects).toBe(report.sent - 3)
    expect(report.closedIdle).toBe(0)
  })

  test('what a pipelined batch gets no answer to after Connection: close is reset', async () => {
    const port = await serve((request, response) => {
      if (request.url === '/2') response.setHeader('connection', 'close')
      return echo(request, response)
    })
    const url = (n: number) => `/${((n - 1) % 4) + 1}`
    const report = await run({ target: { port }, mode: 'pipelined', url }, replies(10))
    expect(report.ok).toBe(report.sent / 2)
    expect(report.failures).toEqual(only('reset', report.sent / 2))
    expect(report.samples[0]).toContain('POST /3')
    expect(report.samples[0]).toContain('unanswered after a response that closes')
    expect(report.connections).toBe(report.sent / 4)
  })

  test('a status that fails within a batch does not take the others with it', async () => {
    const port = await serveRaw((socket) => {
      socket.write(`HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n${OK}${OK}${OK}`)
    })
    const options = { target: { port }, method: 'GET', mode: 'pipelined' } as const
    const report = await run(options, replies(8))
    expect(report.failures).toEqual(only('status', report.sent / 4))
    expect(report.connections).toBe(report.sent / 4)
  })

  test('a close seen between two requests is no failure', async () => {
    const port = await serveRaw((socket) => socket.end(OK))
    const report = await run({ target: { port }, method: 'GET', thinkTime: 5 }, replies(5))
    expect(report.samples).toEqual([])
    expect(report.connections).toBe(report.sent)
    expect(report.reconnects).toBe(report.sent - 1)
    expect(report.closedIdle).toBeGreaterThanOrEqual(4)
  })

  test('a close is seen that came while this process was busy', async () => {
    const end = `socket.write(${JSON.stringify(OK)}); setTimeout(() => socket.end(), 10)`
    const port = await serveApart(end)
    const running = load({ target: { port }, method: 'GET', connections: 1, thinkTime: 20 })
    await running.progress(1)
    await nextTurn()
    beBusy(60)
    await running.progress(1)
    expect(await running.stop()).toMatchObject({ samples: [], closedIdle: 1, reconnects: 1 })
  })

  test('a reset seen between two requests is no failure', async () => {
    const port = await serveRaw((socket) => {
      socket.write(OK, () => socket.resetAndDestroy())
    })
    const report = await run({ target: { port }, method: 'GET', thinkTime: 5 }, replies(5))
    expect(report.samples).toEqual([])
    expect(report.closedIdle).toBeGreaterThanOrEqual(4)
  })

  test('a Unix socket', async () => {
    const path = join(tmpdir(), `client-spec-${process.pid}.sock`)
    await listening(createHttpServer(echo), path)
    const report = await run({ target: { path }, connections: 4, check: checkEcho }, replies(50))
    expect(report.samples).toEqual([])
    expect(report.connections).toBe(4)
  })

  test('TLS', async () => {
    const psk = Buffer.alloc(16, 1)
    const suite = { ciphers: 'PSK-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' } as const
    const server = createHttpsServer({ ...suite, pskCallback: () => psk }, echo)
    const target = { port: await listening(server) }
    const identity = () => ({ psk, identity: 'client' })
    const tls = { ...suite, pskCallback: identity, checkServerIdentity: () => undefined }
    const options = { target, tls, connections: 4, check: checkEcho }
    expect((await run({ ...options }, replies(50))).samples).toEqual([])

    const plain = await serveRaw((socket) => socket.destroy())
    const report = await run({ target: { port: plain }, tls, timeout: 50 }, failures(2))
    expect(report.failures).toEqual(only('timeout', report.sent))
  })
})

describe('responses', () => {
  test('interim ones are skipped', async () => {
    const port = await serve((request, response) => {
      response.writeProcessing()
      response.writeEarlyHints({ link: '</a.css>; rel=preload' })
      return echo(request, response)
    })
    const report = await run({ target: { port }, check: checkEcho }, replies(10))
    expect(report.samples).toEqual([])
  })

  test('chunks and trailers', async () => {
    const port = await serve((request, response) => {
      request.resume()
      response.writeHead(200, { trailer: 'digest' })
      for (const piece of ['one, ', 'two, ', 'three']) response.write(piece)
      response.addTrailers({ digest: 'none' })
      response.end()
    })
    const bodies = new Set<string>()
    const onReply = ({ body }: Reply) => bodies.add(body.toString())
    const report = await run({ target: { port }, onReply }, replies(10))
    expect([...bodies]).toEqual(['one, two, three'])
    expect(report.ok).toBe(report.sent)
    expect(report.connections).toBe(1)
  })

  test('to HEAD they have a length and no body', async () => {
    const port = await serve((_, response) => response.end('long'))
    const report = await run({ target: { port }, method: 'HEAD' }, replies(10))
    expect(report.ok).toBe(report.sent)
    expect(report.connections).toBe(1)
  })

  const wire =
    'HTTP/1.1 100 Continue\r\n\r\n' +
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\nX-A: 2\r\n\r\n' +
    '5;ext=1\r\nhello\r\nA\r\n, world...\r\n0\r\nX-T: 1\r\n\r\n' +
    'HTTP/1.1 204 No Content\r\n\r\n' +
    'HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc'

  test.each([1, 2, 3, 7, 1000])('read the same from pieces of %i bytes', (size) => {
    const parser = new ResponseParser(false)
    const messages: Message[] = []
    for (let at = 0; at < wire.length; at += size) {
      parser.push(Buffer.from(wire.slice(at, at + size)))
      for (let next = parser.next(); next; next = parser.next()) messages.push(next)
    }
    const summary = messages.map(({ status, body, interim, close }) => {
      return [status, body.toString(), interim, close]
    })
    expect(summary).toEqual([
      [100, '', true, false],
      [200, 'hello, world...', false, false],
      [204, '', false, false],
      [200, 'abc', false, true],
    ])
    expect(messages[1]?.headers['x-a']).toBe('1, 2')
    expect(messages.reduce((sum, message) => sum + message.size, 0)).toBe(wire.length)
    expect(parser.received).toBe(0)
  })

  test.each([
    `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}`,
    'HTTP/2 200 OK\r\n\r\n',
    'HTTP/1.1 200 OK\r\nno colon\r\n\r\n',
    'HTTP/1.1 200 OK\r\n folded: no\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n',
  ])('are refused when malformed (%#)', (text) => {
    const parser = new ResponseParser(false)
    parser.push(Buffer.from(text))
    expect(() => parser.next()).toThrow(Malformed)
  })
})

describe('load', () => {
  test('stop waits for the requests under way and starts no other', async () => {
    const held: (() => void)[] = []
    const port = await serve((request, response) => {
      held.push(() => void echo(request, response))
    })
    const running = load({ target: { port }, connections: 3, check: checkEcho })
    await vi.waitFor(() => expect(held).toHaveLength(3))
    const stopped = running.stop()
    expect(running.report).toMatchObject({ sent: 3, ok: 0, failed: 0 })
    for (const release of held) release()
    expect(await stopped).toMatchObject({ sent: 3, ok: 3, failed: 0 })
    expect(held).toHaveLength(3)
    expect(await running.stop()).toEqual(await stopped)
  })

  test('together: nobody asks twice before all were answered once', async () => {
    let release: () => void = () => {}
    const slowest = new Promise<void>((resolve) => {
      release = resolve
    })
    let asked = 0
    const port = await serve(async (request, response) => {
      asked += 1
      if (asked === 3) await slowest
      return echo(request, response)
    })
    const running = load({ target: { port }, connections: 3, together: true, check: checkEcho })
    await running.progress(2)
    await request({ target: { port } })
    expect(running.report).toMatchObject({ sent: 3, ok: 2 })
    release()
    await running.progress(10)
    expect(await running.stop()).toMatchObject({ failed: 0, connections: 3 })
  })

  test('together: stop waits for nobody who has not begun', async () => {
    const held: (() => void)[] = []
    const port = await serve((request, response) => {
      held.push(() => void echo(request, response))
    })
    const running = load({ target: { port }, connections: 2, together: true, check: checkEcho })
    await vi.waitFor(() => expect(held).toHaveLength(2))
    held[0]?.()
    await running.progress(1)
    const stopped = running.stop()
    held[1]?.()
    expect(await stopped).toMatchObject({ sent: 2, ok: 2, failed: 0 })
  })

  test('progress rejects when the load stops before', async () => {
    const running = load({ target: { port: await serve(echo) }, connections: 1 })
    await running.progress(0)
    await running.progress(2)
    const never = expect(running.progress(1_000_000)).rejects.toThrow('stopped')
    await running.stop()
    await never
    await expect(running.progress(1)).rejects.toThrow('stopped')
  })

  test('ids, urls and bodies are given each request its own', async () => {
    const seen: string[] = []
    const port = await serve((request, response) => {
      seen.push(`${request.url} ${request.headers['x-request-id']?.toString().split('-')[1]}`)
      return echo(request, response)
    })
    const options = { url: (n: number) => `/${n}`, body: (n: number) => Buffer.from(`#${n}`) }
    const check = ({ id, body }: Reply) =>
      JSON.parse(body.toString()).body === `#${id.split('-')[1]}` ? undefined : 'not its own'
    const report = await run({ target: { port }, connections: 3, check, ...options }, replies(30))
    expect(report.samples).toEqual([])
    expect(new Set(seen).size).toBe(report.sent)
    for (const line of seen) expect(line).toMatch(/^\/(\d+) \1$/)
  })
})

describe('request', () => {
  test('resolves with the reply', async () => {
    const target = { port: await serve(echo) }
    const [one, two] = await Promise.all([request({ target }), request({ target })])
    expect(one.status).toBe(200)
    expect(checkEcho(one)).toBeUndefined()
    expect(one.headers.connection).toBe('close')
    expect(one.id).not.toBe(two.id)
  })

  test('rejects with the kind of failure', async () => {
    const target = { port: await serve((_, response) => response.writeHead(503).end('later')) }
    const error = await request({ target }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(RequestError)
    expect(error).toMatchObject({ kind: 'status', reply: { status: 503 } })

    const path = join(tmpdir(), `no-such-socket-${process.pid}`)
    await expect(request({ target: { path } })).rejects.toMatchObject({ kind: 'refused' })
    const silent = { port: await serve(() => {}) }
    await expect(request({ target: silent, timeout: 20 })).rejects.toMatchObject({
      kind: 'timeout',
    })
  })
})
