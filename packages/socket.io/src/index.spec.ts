import { createServer } from 'node:http'
import { testUpgrader } from '@endlessjs/core/testing'
import { describe, expect, test, vi } from 'vitest'
import { moveSocketIO } from './index.js'

type Io = Parameters<typeof moveSocketIO>[0] & {
  readonly engine: object & { listenerCount(event: string): number }
  readonly sockets: object
}
type Loaded = {
  readonly Server: new (
    server: object,
    options?: object,
  ) => Io & { close(): void; adapter(made: unknown): unknown }
}

const load = async (name: string): Promise<Loaded> => (await import(name)) as Loaded
const upgrader = testUpgrader()

describe.each(['socket.io', 'socket.io-4-6'])('%s', (name) => {
  test('is understood, and what is hooked into it is taken back', async () => {
    const { Server } = await load(name)
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue()
    const io = new Server(createServer())
    const before = io.engine.listenerCount('connection')
    const own = (): string[] =>
      [io.engine, io.sockets, Reflect.get(io.sockets, 'adapter') as object].flatMap(Object.keys)
    const names = own()
    const stop = moveSocketIO(io, { upgrader, rooms: true })
    expect(own().length).toBeGreaterThan(names.length)
    stop()
    expect(own()).toEqual(names)
    expect(io.engine.listenerCount('connection')).toBe(before)
    expect(warn).not.toHaveBeenCalled()
    warn.mockRestore()
  })
})

test.each<[string, object, RegExp]>([
  ['a busy that is no function', { busy: true }, /"busy": expected a function, received boolean/],
  ['a gone that is no function', { gone: 'x' }, /"gone": expected a function/],
  ['a time that is none', { within: -1 }, /"within": expected milliseconds, received -1/],
  ['another time that is none', { over: '1s', upgrader }, /"over": expected milliseconds/],
  ['rooms that are neither', { rooms: 'all' }, /"rooms": expected true or false, received string/],
])('refuses %s at once', async (_, options, message) => {
  const { Server } = await load('socket.io')
  expect(() => moveSocketIO(new Server(createServer()), options)).toThrow(
    expect.objectContaining({
      code: 'ERR_ENDLESS_OPTION',
      message: expect.stringMatching(message),
    }),
  )
})

test.each([[{}], [undefined]])('refuses %s, which is no server of Socket.IO', (io) => {
  expect(() => moveSocketIO(io as never, { upgrader })).toThrow(/expected a Server of Socket.IO/)
})

test('rooms are for the adapter that knows only its own', async () => {
  const { Server } = await load('socket.io')
  const io = new Server(createServer())
  class Cluster extends (Reflect.get(io, '_adapter') as new (nsp: object) => object) {}
  io.adapter(Cluster)
  expect(() => moveSocketIO(io, { upgrader, rooms: true })).toThrow(/expected the in-memory/)
})

test.each([
  ['socket', 'sockets', '_createSocket'],
  ['WebSocket', 'engine', 'onWebSocket'],
])(
  'one that makes a %s otherwise is not known: it says so, and its clients reconnect',
  async (_, of, name) => {
    const { Server } = await load('socket.io')
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue()
    const io = new Server(createServer())
    Object.defineProperty(Reflect.get(io, of), name, { value: undefined })
    const up = { ...upgrader, hook: vi.fn(() => () => {}) }
    moveSocketIO(io, { upgrader: up })
    expect(warn.mock.calls[0]?.[0]).toMatch(new RegExp(`is not known .it has no ${name}`))
    expect(up.hook).toHaveBeenCalledWith('onDrain', expect.any(Function))
    warn.mockRestore()
  },
)
