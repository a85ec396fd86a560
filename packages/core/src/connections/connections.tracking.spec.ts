import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { describe, expect, test, vi } from 'vitest'
import { get, later, until } from '../node/specs/servers.js'
import { servedOfEachTest } from './specs/served.js'

const served = servedOfEachTest()

const client = async (port: number): Promise<Socket> => (await served.client(port)).socket

describe('an app that takes all listeners off', () => {
  test('a socket that was upgraded is gone when it has closed', async () => {
    const server = createServer()
    const upgraded = once(server, 'upgrade')
    const socket = await client(await served.listen(server))
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
    const [, end] = (await upgraded) as [unknown, Socket]
    end.removeAllListeners()
    end.destroy()
    await until(() => end.closed)
    expect(served.connections.kinds().size).toBe(0)
    await served.connections.whenEmpty()
  })

  test('a response is over when it has ended', async () => {
    const { app, responses } = later()
    const socket = await client(await served.listen(createServer(app)))
    socket.write(get)
    await until(() => responses.length === 1)
    responses[0]?.removeAllListeners('close').end('x')
    await once(socket, 'data')
    await until(() => responses[0]?.writableFinished === true)
    expect([...served.connections.kinds().values()]).toEqual(['idle'])
    expect(served.connections.inFlight).toBe(0)
  })
})

describe('tracking', () => {
  test('settles when the last connection is gone, and at once without one', async () => {
    await served.connections.whenEmpty()
    const port = await served.listen(createServer())
    const [one, two] = [await client(port), await client(port)]
    const empty = vi.fn()
    const wait = served.connections.whenEmpty().then(empty)
    one.destroy()
    await until(() => served.connections.size === 1)
    expect(empty).not.toHaveBeenCalled()
    two.destroy()
    await wait
  })

  test('ends with uninstall: no listener stays', async () => {
    const server = createServer()
    const events = ['connection', 'secureConnection', 'request', 'close']
    const counts = (): number[] => events.map((event) => server.listenerCount(event))
    const before = counts()
    served.connections.track(server)
    expect(counts()).not.toEqual(before)
    served.connections.uninstall()
    expect(counts()).toEqual(before)
  })

  test('leaves servers alone that are not tracked', async () => {
    await served.listen(createServer())
    const other = createServer((_, response) => response.end()).listen(0)
    await once(other, 'listening')
    const socket = connect((other.address() as AddressInfo).port)
    socket.write(get)
    await once(socket, 'data')
    expect([served.connections.size, served.connections.inFlight]).toEqual([0, 0])
    socket.destroy()
    other.close()
  })
})

describe('over TLS', () => {
  const args = 'req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout - -out -'
  const pem = execFileSync('openssl', args.split(' '), { stdio: ['ignore', 'pipe', 'ignore'] })

  test('a handshake is silent, then one connection that is idle or active', async () => {
    const { app, responses } = later()
    const port = await served.listen(createSecureServer({ key: pem, cert: pem }, app))
    const raw = await client(port)
    expect([...served.connections.kinds().values()]).toEqual(['silent'])
    const empty = vi.fn()
    void served.connections.whenEmpty().then(empty)
    const secure = connectSecurely({ socket: raw, rejectUnauthorized: false })
    await once(secure, 'secureConnect')
    secure.write(get)
    await served.untilKinds('active')
    responses[0]?.end()
    await served.untilKinds('idle')
    expect(served.connections.size).toBe(1)
    expect(empty).not.toHaveBeenCalled()
    secure.destroy()
    await served.connections.whenEmpty()
  })

  test('half a handshake stays silent, and a failed one is forgotten', async () => {
    const server = createSecureServer({ key: pem, cert: pem })
    const raw = await client(await served.listen(server))
    raw.write(Buffer.from([22, 3, 1]))
    await until(() => [...served.connections].every(({ socket }) => socket.bytesRead > 0))
    expect([...served.connections.kinds().values()]).toEqual(['silent'])
    raw.write(get)
    await served.connections.whenEmpty()
  })
})
