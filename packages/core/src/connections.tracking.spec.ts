import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import {
  type AddressInfo,
  connect,
  type createServer as createNetServer,
  type Socket,
} from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { connect as connectSecurely } from 'node:tls'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Connections, type Kind } from './connections.js'

let connections = new Connections()
let cleanups: (() => void)[] = []

afterEach(() => {
  for (const cleanup of cleanups) cleanup()
  cleanups = []
  connections.uninstall()
  connections = new Connections()
})

async function listen<S extends Server | ReturnType<typeof createNetServer>>(server: S) {
  connections.track(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(() => server.close())
  return (server.address() as AddressInfo).port
}

/** A client whose connection has been accepted. */
async function client(port: number): Promise<Socket> {
  const before = connections.size
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  cleanups.push(() => socket.destroy())
  await until(() => connections.size > before)
  return socket
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn()
}

const kinds = (): Kind[] => [...connections.kinds().values()]
const untilKinds = (...wanted: Kind[]): Promise<void> =>
  until(() => kinds().sort().join() === wanted.sort().join())

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

/** Answers when it is told to. */
function later(): { app: RequestListener; responses: ServerResponse[] } {
  const responses: ServerResponse[] = []
  return { responses, app: (_, response) => void responses.push(response) }
}

describe('tracking', () => {
  test('settles when the last connection is gone, and at once without one', async () => {
    await connections.whenEmpty()
    const port = await listen(createServer())
    const [one, two] = [await client(port), await client(port)]
    const empty = vi.fn()
    const wait = connections.whenEmpty().then(empty)
    one.destroy()
    await until(() => connections.size === 1)
    expect(empty).not.toHaveBeenCalled()
    two.destroy()
    await wait
  })

  test('ends with uninstall: no listener stays', async () => {
    const server = createServer()
    const events = ['connection', 'secureConnection', 'request', 'close']
    const counts = (): number[] => events.map((event) => server.listenerCount(event))
    const before = counts()
    connections.track(server)
    expect(counts()).not.toEqual(before)
    connections.uninstall()
    expect(counts()).toEqual(before)
  })

  test('leaves servers alone that are not tracked', async () => {
    await listen(createServer())
    const other = createServer((_, response) => response.end()).listen(0)
    await once(other, 'listening')
    const socket = connect((other.address() as AddressInfo).port)
    socket.write(get)
    await once(socket, 'data')
    expect([connections.size, connections.inFlight]).toEqual([0, 0])
    socket.destroy()
    other.close()
  })
})

describe('over TLS', () => {
  const args = 'req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout - -out -'
  const pem = execFileSync('openssl', args.split(' '), { stdio: ['ignore', 'pipe', 'ignore'] })

  test('a handshake is silent, then one connection that is idle or active', async () => {
    const { app, responses } = later()
    const port = await listen(createSecureServer({ key: pem, cert: pem }, app))
    const raw = await client(port)
    expect(kinds()).toEqual(['silent'])
    const empty = vi.fn()
    void connections.whenEmpty().then(empty)
    const secure = connectSecurely({ socket: raw, rejectUnauthorized: false })
    await once(secure, 'secureConnect')
    secure.write(get)
    await untilKinds('active')
    responses[0]?.end()
    await untilKinds('idle')
    expect(connections.size).toBe(1)
    expect(empty).not.toHaveBeenCalled()
    secure.destroy()
    await connections.whenEmpty()
  })

  test('half a handshake stays silent, and a failed one is forgotten', async () => {
    const server = createSecureServer({ key: pem, cert: pem })
    const raw = await client(await listen(server))
    raw.write(Buffer.from([22, 3, 1]))
    await until(() => [...connections].every(({ socket }) => socket.bytesRead > 0))
    expect(kinds()).toEqual(['silent'])
    raw.write(get)
    await connections.whenEmpty()
  })
})
