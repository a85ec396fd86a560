import { createServer, IncomingMessage, type Server } from 'node:http'
import { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Handshake, headOf, isSwitch, replay } from './handshake.js'
import { type Client, serversOfEachTest, until } from './specs/servers.js'

const head =
  'GET /a?b HTTP/1.1\r\nHost: x\r\nX: 1\r\nx: 2\r\nConnection: Upgrade\r\nUpgrade: a\r\n\r\n'
const granted = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\n\r\n'

type Upgrade = (request: IncomingMessage, socket: Socket) => void

const served = serversOfEachTest()

/** A connection on which that is replayed; `upgrade` undefined: the server knows none. */
async function replayed(
  upgrade: Upgrade | undefined,
  handshake: Partial<Handshake> = {},
): Promise<{ client: Client; socket: Socket; server: Server; refused: ReturnType<typeof vi.fn> }> {
  const server = createServer((_, response) => response.end('hello'))
  if (upgrade) server.on('upgrade', upgrade as never)
  const refused = vi.fn()
  const accepted = new Promise<Socket>((resolve) =>
    server.once('connection', (socket) => {
      replay(socket, head, {
        isSame: isSwitch,
        longest: 10_000,
        farewell: undefined,
        refused,
        ...handshake,
      })
      resolve(socket)
    }),
  )
  const client = served.connect(await served.listen(server))
  return { client, socket: await accepted, server, refused }
}

describe('a handshake that is replayed', () => {
  test('is the same request, and its 101 stays here', async () => {
    const requests: IncomingMessage[] = []
    const { client, refused } = await replayed((request, socket) => {
      requests.push(request)
      for (const piece of ['HTTP/1.1 101', ' Ok\r\n', 'a: b\r\n', '\r\nafter ']) socket.write(piece)
      socket.write('that')
    })
    await until(() => client.text === 'after that')
    const [request] = requests
    expect([request?.method, request?.url, request?.headers.upgrade]).toEqual(['GET', '/a?b', 'a'])
    expect(request && headOf(request)).toBe(head)
    expect(refused).not.toHaveBeenCalled()
  })

  test('leaves the socket as it was', async () => {
    const { client, socket } = await replayed((_, one) => one.write(granted))
    for (const name of ['write', 'end', 'destroy']) expect(Object.hasOwn(socket, name)).toBe(false)
    socket.end('bye')
    await until(() => client.text === 'bye')
  })

  test('may be granted later, and what the client said meanwhile is there then', async () => {
    let grant = (): void => {}
    let heard = ''
    const { client } = await replayed((_, socket) => {
      grant = () => {
        socket.write(granted)
        socket.on('data', (bytes) => {
          heard += bytes
        })
      }
    })
    client.socket.write('early')
    for (let n = 0; n < 10; n++) await turn()
    grant()
    await until(() => heard === 'early')
  })

  test('early hints and their like are no answer yet', async () => {
    const early = 'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n'
    const { client, refused } = await replayed((_, socket) => {
      socket.write(`${early}${granted}after that`)
    })
    await until(() => client.text === 'after that')
    expect(refused).not.toHaveBeenCalled()
  })

  test('that is granted and ended at once is ended', async () => {
    const { client, refused } = await replayed((_, socket) => socket.end(`${granted}bye`))
    await until(() => client.text === 'bye')
    expect(refused).not.toHaveBeenCalled()
  })

  test('calls back whoever wrote', async () => {
    const written = vi.fn()
    await replayed((_, socket) => {
      socket.write(granted, 'latin1', written)
    })
    await until(() => written.mock.calls.length === 1)
  })

  test.each<[string, Upgrade | undefined, string]>([
    ['401', (_, socket) => socket.end('HTTP/1.1 401 No\r\n\r\n'), 'answered "HTTP/1.1 401 No"'],
    ['1010', (_, socket) => socket.end('HTTP/1.1 1010 No\r\n\r\n'), 'answered "HTTP/1.1 1010 No"'],
    ['its end', (_, socket) => socket.end(), 'ended the connection'],
    ['a reset', (_, socket) => socket.destroy(), 'ended the connection'],
    ['as any request', undefined, 'answered "HTTP/1.1 200 OK"'],
  ])('that is answered by %s: its client gets the farewell alone', async (_, upgrade, why) => {
    const { client, socket, refused } = await replayed(upgrade, {
      farewell: Buffer.from('farewell'),
    })
    // What it says meanwhile does not reset it before that is read.
    client.socket.write('x'.repeat(1_000))
    await until(() => client.text === 'farewell')
    client.socket.end()
    await until(() => socket.destroyed)
    expect(refused.mock.calls).toEqual([[why]])
    expect(client.text).toBe('farewell')
  })
})

describe('in a time of our own', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('that is never answered is refused', async () => {
    const { client, refused } = await replayed(() => {}, { farewell: Buffer.from('bye') })
    vi.advanceTimersByTime(9_999)
    expect(refused).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(refused.mock.calls).toEqual([['did not answer for 10000 ms']])
    await until(() => client.text === 'bye')
  })

  test('of which nobody says how long it may take is never late', async () => {
    const { client, socket, refused } = await replayed(() => {}, { longest: undefined })
    vi.advanceTimersByTime(2 ** 30)
    expect(refused).not.toHaveBeenCalled()
    socket.write(`${granted}late`)
    await until(() => client.text === 'late')
  })

  test('a client that does not go is left to itself', async () => {
    const { socket, client } = await replayed((_, one) => one.destroy())
    client.socket.on('end', () => {})
    vi.advanceTimersByTime(1_000)
    await until(() => socket.destroyed)
  })
})

test('the head is that of before Express cut it', () => {
  const request = Object.assign(new IncomingMessage(new Socket()), {
    method: 'GET',
    url: '/b',
    originalUrl: '/a/b',
    httpVersion: '1.1',
    rawHeaders: ['A', 'b'],
  })
  expect(headOf(request)).toBe('GET /a/b HTTP/1.1\r\nA: b\r\n\r\n')
})
