// WebSockets over upgrades, on ws with Express and on @fastify/websocket: the examples.
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { commandsOf, startExample } from './support/example.js'
import { askOverDrain } from './support/halves.js'
import { isAlive } from './support/processes.js'
import { get, Raw } from './support/raw.js'

const handshake =
  `${get('/ws').trimEnd()}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'

/** A client, and how its connection ends. */
interface Client {
  readonly socket: WebSocket
  /** Who greeted it. */
  readonly pid: number
  readonly closed: Promise<{ code: number; reason: string }>
}

async function connect(port: number): Promise<Client> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`)
  const closed = new Promise<{ code: number; reason: string }>((done) => {
    socket.once('close', (code, reason) => done({ code, reason: String(reason) }))
  })
  const [hello] = (await once(socket, 'message')) as [Buffer]
  return { socket, pid: Number(/^hello from (\d+)$/.exec(String(hello))?.[1]), closed }
}

async function echo({ socket }: Client, text: string): Promise<string> {
  const answer = once(socket, 'message')
  socket.send(text)
  return String(((await answer) as [Buffer])[0])
}

/** A client that has opened a WebSocket, and never answers a close. */
async function deaf(port: number): Promise<Raw> {
  const raw = await Raw.open(port)
  raw.write(handshake)
  await raw.until((text) => text.includes('hello from'))
  return raw
}

describe.each(commandsOf('websocket'))('$script', (command) => {
  const start = (hammerTime = 60_000) => startExample(command, { HAMMER_TIME: String(hammerTime) })

  test('an upgrade closes with 1012, and who comes back finds the successor', async () => {
    await using service = await start()
    const port = service.port()
    const clients = await Promise.all(Array.from({ length: 10 }, () => connect(port)))
    for (const client of clients) {
      expect(client.pid).toBe(service.pid)
      expect(await echo(client, 'ping')).toBe(`${service.pid}: ping`)
    }
    // At once, without a pause: by then the old generation must not accept any more.
    const returned = clients.map(async ({ closed }) => {
      expect(await closed).toEqual({ code: 1012, reason: 'service restart' })
      return connect(port)
    })
    const successor = await service.handOver()
    for (const client of await Promise.all(returned)) {
      expect(client.pid).toBe(successor)
      expect(await echo(client, 'ping')).toBe(`${successor}: ping`)
      client.socket.close()
    }
    await service.stop()
    expect(service.all({ event: 'exit' }).map((one) => one.code)).toEqual([0, 0])
    expect(service.all({ event: 'hammer' })).toEqual([])
  })

  test('a client that never closes is hammered, and the exit code is 1', async () => {
    await using service = await start(500)
    const raw = await deaf(service.port())
    const polite = await connect(service.port())
    const { successor } = await service.hup()
    expect(await polite.closed).toMatchObject({ code: 1012 })
    await raw.until((text) => text.includes('service restart'))
    await raw.closed()
    expect(await service.exited).toEqual({ code: 1, signal: null })
    expect(service.all({ event: 'hammer' })).toMatchObject([{ pid: service.pid, connections: 1 }])
    expect(isAlive(Number(successor))).toBe(true)
    await service.stop()
    expect(service.all({ event: 'exit', pid: successor })).toMatchObject([{ code: 0 }])
  })

  test('200 clients are told one after the other, and each comes back to the successor', async () => {
    await using service = await start()
    const port = service.port()
    const clients = await Promise.all(Array.from({ length: 200 }, () => connect(port)))
    const told: number[] = []
    const returned = clients.map(async ({ closed }) => {
      expect(await closed).toEqual({ code: 1012, reason: 'service restart' })
      told.push(performance.now())
      return connect(port)
    })
    const successor = await service.handOver()
    // Nobody has been told yet of the last ones.
    const last = clients.at(-1) as Client
    expect(await echo(last, 'still')).toBe(`${service.pid}: still`)
    for (const client of await Promise.all(returned)) {
      expect(client.pid).toBe(successor)
      client.socket.close()
    }
    // Told at once they would all hear within a few ms.
    expect((told.at(-1) ?? 0) - (told[0] ?? 0)).toBeGreaterThan(500)
    await service.stop()
  })

  test('a final stop closes with 1001', async () => {
    await using service = await start()
    const clients = await Promise.all([connect(service.port()), connect(service.port())])
    service.signal('SIGTERM')
    for (const { closed } of clients)
      expect(await closed).toEqual({ code: 1001, reason: 'going away' })
    expect(await service.exited).toEqual({ code: 0, signal: null })
  })

  test('a successor that dies: 1006, and the old generation serves again', async () => {
    await using service = await start()
    // Keeps the old generation there until the new one has died.
    const held = await deaf(service.port())
    const { successor } = await service.hup()
    const client = await connect(service.port())
    expect(client.pid).toBe(successor)
    service.signal('SIGKILL', Number(successor))
    expect(await client.closed).toMatchObject({ code: 1006 })
    const back = await connect(service.port())
    expect(back.pid).toBe(service.pid)
    held.socket.destroy()
    await service.until({ event: 'state', from: 'draining', to: 'ready', pid: service.pid })
    // And a later upgrade tells its clients as the first one did.
    await service.hup(service.pid)
    expect(await back.closed).toMatchObject({ code: 1012 })
    expect(await service.exited).toEqual({ code: 0, signal: null })
    await service.stop()
  })

  test('a handshake on a connection of the draining generation is closed at once', async () => {
    await using service = await start()
    const raw = await askOverDrain(service, handshake)
    await raw.until((text) => text.includes('service restart'))
    raw.socket.destroy()
    expect(await service.exited).toEqual({ code: 0, signal: null })
    await service.stop()
  })
})
