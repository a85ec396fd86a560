import { once } from 'node:events'
import { deflateRawSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { awaitsClient, type Inside, type InsideServer, isStill } from './internals.js'
import { connected } from './understands.js'

type Loaded = { readonly WebSocketServer: new (options: object) => InsideServer }

const key = [0, 0, 0, 0]
const a = 'a'.charCodeAt(0)

describe.each(['ws-8-0', 'ws-8-15', 'ws-8-17', 'ws-8-18', 'ws'])('%s', (name) => {
  const connect = async (): Promise<Inside> => {
    const { WebSocketServer } = (await import(name)) as Loaded
    const socket = connected(new WebSocketServer({ noServer: true, perMessageDeflate: true }))
    if (!socket) throw new Error('no handshake')
    return socket
  }
  const both = (socket: Inside): boolean[] => [awaitsClient(socket), isStill(socket)]

  test.each<[string, number[], number[]]>([
    ['the first byte of a frame', [0x81], [0x81, ...key, a]],
    ['half the length of a frame', [0x81, 0xfe, 0], [1, ...key, a]],
    ['half the key of a frame', [0x81, 0x82, 0], [0, 0, 0, a, a]],
    ['a frame without its payload', [0x81, 0x82, ...key, a], [a]],
    ['a fragment', [0x01, 0x81, ...key, a], [0x80, 0x81, ...key, a]],
  ])('awaits the rest of what begins with %s', async (_, begin, rest) => {
    const socket = await connect()
    expect(both(socket)).toEqual([false, true])
    const message = once(socket as unknown as NodeJS.EventEmitter, 'message')
    socket._receiver.write(Buffer.from(begin))
    expect(both(socket)).toEqual([true, false])
    socket._receiver.write(Buffer.from(rest))
    await message
    await expect.poll(() => both(socket)).toEqual([false, true])
  })

  test('awaits nothing of its client while it inflates what that has said', async () => {
    const socket = await connect()
    const message = once(socket as unknown as NodeJS.EventEmitter, 'message')
    const payload = deflateRawSync('hello')
    socket._receiver.write(Buffer.from([0xc1, 0x80 | payload.length, ...key, ...payload]))
    expect(both(socket)).toEqual([false, false])
    await message
  })

  test('awaits the answer to its close', async () => {
    const socket = await connect()
    socket.close(1_000, '')
    expect(both(socket)).toEqual([true, false])
    socket.terminate()
  })
})
