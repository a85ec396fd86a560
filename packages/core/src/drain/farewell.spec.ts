import { once } from 'node:events'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { Connections } from '../connections/index.js'
import { Farewell } from './farewell.js'

let cleanups: (() => void)[] = []

afterEach(() => {
  for (const cleanup of cleanups) cleanup()
  cleanups = []
})

async function serve(app: RequestListener): Promise<{ connections: Connections; server: Server }> {
  const connections = new Connections()
  const server = createServer(app)
  connections.track(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(() => {
    connections.uninstall()
    server.close()
    server.closeAllConnections()
  })
  return { connections, server }
}

async function connectTo(server: Server) {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  cleanups.push(() => socket.destroy())
  await once(socket, 'connect')
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  /** The `Connection` header of each response, so far. */
  const headers = (): string[] =>
    [...text.matchAll(/^Connection: (.*)\r$/gim)].map(([, value = '']) => value)
  return { socket, headers, text: () => text }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn()
}

const get = (url = '/'): string => `GET ${url} HTTP/1.1\r\nHost: a\r\n\r\n`
const atOnce: RequestListener = (request, response) => void response.end(`at ${request.url}`)

function later(): { app: RequestListener; responses: ServerResponse[] } {
  const responses: ServerResponse[] = []
  return { responses, app: (_, response) => void responses.push(response) }
}

describe('Connection: close', () => {
  test('is not said before', async () => {
    const { socket, headers } = await connectTo((await serve(atOnce)).server)
    socket.write(get())
    await until(() => headers().length === 1)
    expect(headers()).toEqual(['keep-alive'])
  })

  test('is said on the next response of a connection that was idle, which then ends', async () => {
    const { connections, server } = await serve(atOnce)
    const { socket, headers, text } = await connectTo(server)
    socket.write(get('/1'))
    await until(() => headers().length === 1)
    new Farewell(connections)
    socket.write(get('/2'))
    await once(socket, 'end')
    expect(headers()).toEqual(['keep-alive', 'close'])
    expect(text()).toMatch(/at \/1[\s\S]*at \/2$/)
  })

  test('is said on a response that was under way, if its head was not', async () => {
    const { app, responses } = later()
    const { connections, server } = await serve(app)
    const [early, late] = [await connectTo(server), await connectTo(server)]
    early.socket.write(get())
    await until(() => responses.length === 1)
    responses[0]?.writeHead(200).write('x')
    await until(() => early.headers().length === 1)
    late.socket.write(get())
    await until(() => responses.length === 2)
    new Farewell(connections)
    for (const response of responses) response.end()
    await once(late.socket, 'end')
    expect(late.headers()).toEqual(['close'])
    expect(early.headers()).toEqual(['keep-alive'])
  })

  test.each([
    ['at once', atOnce],
    ['with a head of its own', (_, response) => response.writeHead(200, { a: 'b' }).end('at /3')],
    ['in a later turn', (request, response) => void setImmediate(atOnce, request, response)],
  ] satisfies [string, RequestListener][])(
    'is said on the last only of those that are pipelined: answered %s',
    async (_, app) => {
      const { connections, server } = await serve(app)
      const { socket, headers, text } = await connectTo(server)
      new Farewell(connections)
      socket.write(get('/1') + get('/2') + get('/3'))
      await once(socket, 'end')
      expect(headers()).toEqual(['keep-alive', 'keep-alive', 'close'])
      expect(text()).toContain('at /3')
    },
  )

  test('is said on the last, in whatever order they are answered', async () => {
    const { app, responses } = later()
    const { connections, server } = await serve(app)
    const { socket, headers } = await connectTo(server)
    socket.write(get() + get())
    await until(() => responses.length === 2)
    new Farewell(connections)
    responses[1]?.end('second')
    responses[0]?.end('first')
    await once(socket, 'end')
    expect(headers()).toEqual(['keep-alive', 'close'])
  })

  test('is not said while the body of the request is still coming', async () => {
    const { connections, server } = await serve(atOnce)
    const { socket, headers } = await connectTo(server)
    new Farewell(connections)
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf')
    await until(() => headers().length === 1)
    expect(headers()).toEqual(['keep-alive'])
    socket.write(` done${get()}`)
    await once(socket, 'end')
    expect(headers()).toEqual(['keep-alive', 'close'])
  })

  test('is said after Expect: 100-continue, once the body is there', async () => {
    const { connections, server } = await serve((request, response) =>
      request.resume().on('end', () => atOnce(request, response)),
    )
    let asked = 0
    server.on('checkContinue', (request, response: ServerResponse) => {
      asked++
      response.writeContinue()
      server.emit('request', request, response)
    })
    const { socket, headers, text } = await connectTo(server)
    new Farewell(connections)
    socket.write('PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n')
    await until(() => text().includes('100 Continue'))
    socket.write('body')
    await once(socket, 'end')
    expect([headers(), asked]).toEqual([['close'], 1])
  })
})

describe('whatever head the app writes', () => {
  const cookies = ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']
  const both = { 'Set-Cookie': ['a=1', 'b=2'] }
  const pairs = [
    ['Set-Cookie', 'a=1'],
    ['Set-Cookie', 'b=2'],
  ]

  test.each<[string, (response: ServerResponse) => ServerResponse]>([
    ['a list', (response) => response.writeHead(200, cookies)],
    ['a list of pairs', (response) => response.writeHead(200, pairs as never)],
    ['a list with a message', (response) => response.writeHead(200, 'Fine', cookies)],
    ['an object', (response) => response.writeHead(200, { 'Set-Cookie': ['a=1', 'b=2'] })],
    ['one by one', (response) => response.setHeader('Set-Cookie', ['a=1', 'b=2'])],
    [
      'a list that says keep-alive',
      (r) => r.writeHead(200, ['Connection', 'keep-alive', ...cookies]),
    ],
    [
      'pairs that say so',
      (r) => r.writeHead(200, [['Connection', 'keep-alive'], ...pairs] as never),
    ],
    ['an object that says so', (r) => r.writeHead(200, { connection: 'keep-alive', ...both })],
    [
      'one by one that says so',
      (r) => r.setHeader('Connection', 'keep-alive').setHeader('Set-Cookie', both['Set-Cookie']),
    ],
  ])('%s: all of it is sent, with one Connection: close', async (_, write) => {
    const { connections, server } = await serve((_, response) => void write(response).end('x'))
    const { socket, headers, text } = await connectTo(server)
    new Farewell(connections)
    socket.write(get())
    await once(socket, 'end')
    expect(
      text()
        .match(/^Set-Cookie: .*$/gm)
        ?.map((line) => line.trim()),
    ).toEqual(['Set-Cookie: a=1', 'Set-Cookie: b=2'])
    expect(headers()).toEqual(['close'])
  })
})

describe('an app that wraps writeHead itself', () => {
  /** What on-headers does, and compression and express-session with it. */
  const wrapped: RequestListener = (request, response) => {
    const original = response.writeHead
    response.writeHead = ((...args: unknown[]) => {
      response.setHeader('X-Wrapped', 'yes')
      return Reflect.apply(original, response, args)
    }) as typeof original
    atOnce(request, response)
  }

  test('finds its wrapper called once, and ours too', async () => {
    const { connections, server } = await serve(wrapped)
    const { socket, headers, text } = await connectTo(server)
    new Farewell(connections)
    socket.write(get() + get())
    await once(socket, 'end')
    expect(headers()).toEqual(['keep-alive', 'close'])
    expect(text().match(/X-Wrapped: yes/g)).toHaveLength(2)
  })
})

test('is not said to a connection that stays, nor are its requests deferred', async () => {
  const { connections, server } = await serve(atOnce)
  const [moves, leaves] = [await connectTo(server), await connectTo(server)]
  await until(() => connections.size === 2)
  const [first] = connections
  new Farewell(connections, (one) => one === first)
  moves.socket.write(get())
  leaves.socket.write(get())
  await until(() => moves.headers().length + leaves.headers().length === 2)
  expect([moves.headers(), leaves.headers()]).toEqual([['keep-alive'], ['close']])
})

test('is said from then on to one that does not stay after all', async () => {
  let stays = true
  const { connections, server } = await serve(atOnce)
  const { socket, headers } = await connectTo(server)
  const farewell = new Farewell(connections, () => stays)
  socket.write(get())
  await until(() => headers().length === 1)
  stays = false
  farewell.look()
  socket.write(get())
  await once(socket, 'end')
  expect(headers()).toEqual(['keep-alive', 'close'])
})

describe('taking it back', () => {
  test('holds for connections, for what is under way, and for the server', async () => {
    const { app, responses } = later()
    const { connections, server } = await serve(app)
    let asked = 0
    server.on('checkContinue', () => asked++)
    const { socket, headers } = await connectTo(server)
    socket.write(get())
    await until(() => responses.length === 1)
    const farewell = new Farewell(connections)
    server.emit('checkContinue')
    expect(asked).toBe(0)
    farewell.takeBack()
    server.emit('checkContinue')
    expect(asked).toBe(1)
    responses[0]?.end()
    await until(() => headers().length === 1)
    socket.write(get())
    await until(() => responses.length === 2)
    responses[1]?.end()
    await until(() => headers().join() === 'keep-alive,keep-alive')
  })
})
