import { once } from 'node:events'
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import { connect as dial } from 'node:net'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { standUnderSessions } from '../node/index.js'
import { goAway } from './goaway.js'
import { listen } from './specs/sessions.js'

/** A client that reads and writes the bytes itself, and an app that answers at once. */
interface Raw {
  session: ServerHttp2Session
  /** Types and payloads of the frames that came. */
  frames: { type: number; flags: number; stream: number; payload: Buffer }[]
  write(...bytes: number[]): void
  until(type: number, count?: number): Promise<Buffer>
  closed: Promise<unknown>
}

const [headers, settings, ping, goaway] = [1, 4, 6, 7]

afterEach(() => void vi.useRealTimers())

async function raw(): Promise<Raw> {
  const { port, server, session } = await listen()
  standUnderSessions(server, () => true)
  server.on('stream', (stream: ServerHttp2Stream) =>
    stream.resume().respond({}, { endStream: true }),
  )
  const socket = dial(port)
  onTestFinished(() => void socket.destroy())
  const frames: Raw['frames'] = []
  let read = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    read = Buffer.concat([read, chunk])
    while (read.length >= 9 && read.length >= 9 + read.readUIntBE(0, 3)) {
      const end = 9 + read.readUIntBE(0, 3)
      const [type = 0, flags = 0] = read.subarray(3, 5)
      const frame = { type, flags, stream: read.readUInt32BE(5), payload: read.subarray(9, end) }
      read = read.subarray(end)
      frames.push(frame)
      socket.emit('frame')
    }
  })
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  return {
    session: await session,
    frames,
    write: (...bytes) => void socket.write(Buffer.from(bytes)),
    closed: once(socket, 'close'),
    until: async (type, count = 1) => {
      const those = (): Raw['frames'] =>
        frames.filter((one) => one.type === type && (type !== ping || one.flags === 0))
      while (those().length < count) await once(socket, 'frame')
      return those()[count - 1]?.payload as Buffer
    },
  }
}

const ourSettings = [0, 0, 0, settings, 0, 0, 0, 0, 0] as number[]
const settingsAck = [0, 0, 0, settings, 1, 0, 0, 0, 0] as number[]
/** Of `/` at `x`, indexed or literal (RFC 7541, 6). */
const get = (stream: number): number[] =>
  [0, 0, 6, headers, 5, 0, 0, 0, stream, 0x82, 0x87, 0x84, 1, 1, 0x78] as number[]
const pong = (payload: Buffer): number[] => [0, 0, 8, ping, 1, 0, 0, 0, 0, ...payload] as number[]

test('what a client begins before it has read the notice is answered, and in the last GOAWAY', async () => {
  const { session, frames, write, until, closed } = await raw()
  write(...ourSettings)
  goAway(session)
  write(...pong(await until(ping)))
  expect((await until(goaway)).readUInt32BE(0)).toBe(2 ** 31 - 1)
  write(...get(1), ...pong(await until(ping, 2)))
  await until(headers)
  write(...get(3), ...pong(await until(ping, 3)))
  await until(headers, 2)
  expect((await until(goaway, 2)).readUInt32BE(0)).toBe(3)
  await closed
  expect(frames.filter(({ type }) => type === 3)).toEqual([])
})

test('the notice comes after our SETTINGS, on a session that is told in its first turn', async () => {
  const { session, frames, write, until } = await raw()
  goAway(session)
  write(...ourSettings)
  write(...pong(await until(ping)))
  await until(goaway)
  expect(frames[0]?.type).toBe(settings)
})

test('a client that has its notice and answers no ping is told the last stream after five seconds', async () => {
  const { session, write, until, closed } = await raw()
  write(...ourSettings, ...settingsAck)
  await once(session, 'localSettings')
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  goAway(session)
  expect((await until(goaway)).readUInt32BE(0)).toBe(2 ** 31 - 1)
  vi.advanceTimersByTime(4_999)
  expect(session.closed).toBe(false)
  vi.advanceTimersByTime(1)
  vi.useRealTimers()
  expect((await until(goaway, 2)).readUInt32BE(0)).toBe(0)
  await closed
})
