import { EventEmitter } from 'node:events'
import { testUpgrader } from '@endlessjs/core/testing'
import { expect, test, vi } from 'vitest'
import { WebSocketServer } from 'ws'
import * as carriage from './carriage.js'
import { countHandlers } from './handlers.js'
import { type MovableServer, moveWebSockets } from './index.js'
import type { Inside, InsideServer } from './internals.js'
import { connected } from './understands.js'

const upgrader = testUpgrader()

test.each<[string, unknown[], RegExp]>([
  ['a state that is no function', [7], /"state": expected a function, received number/],
  ['a busy that is no function', [undefined, { busy: true }], /"busy": expected a function/],
  ['a gone that is no function', [undefined, { gone: 'x' }], /"gone": expected a function/],
  [
    'a time that is none',
    [undefined, { within: -1 }],
    /"within": expected milliseconds, received -1/,
  ],
  [
    'another time that is none',
    [undefined, { over: '1s', upgrader }],
    /"over": expected milliseconds/,
  ],
])('refuses %s at once', (_, args, message) => {
  const server = new WebSocketServer({ noServer: true })
  expect(() => Reflect.apply(moveWebSockets, undefined, [server, ...args])).toThrow(
    expect.objectContaining({
      code: 'ERR_ENDLESS_OPTION',
      message: expect.stringMatching(message),
    }),
  )
})

test('refuses what is no WebSocket server', () => {
  expect(() => moveWebSockets({} as never, undefined, { upgrader })).toThrow(
    expect.objectContaining({ code: 'ERR_ENDLESS_OPTION' }),
  )
})

test('of a ws that it does not know, it says so, and its clients are told to come back as ever', () => {
  class Unknown extends EventEmitter {
    readonly clients = new Set<{ close(code: number): void }>()
  }
  const warn = vi.spyOn(process, 'emitWarning').mockReturnValue()
  const server = new Unknown()
  const up = { ...upgrader, hook: vi.fn(() => () => {}) }
  moveWebSockets(server as MovableServer<{ close(code: number): void }>, undefined, {
    upgrader: up,
  })
  expect(warn.mock.calls[0]?.[0]).toMatch(/this version of ws is not known/)
  expect(up.hook).toHaveBeenCalledWith('onDrain', expect.any(Function))
  warn.mockRestore()
})

test('one that waits for its client is read from, though it is busy', () => {
  const carry = vi.spyOn(carriage, 'tryToCarry').mockReturnValue(true)
  const server = new WebSocketServer({ noServer: true })
  moveWebSockets(server, undefined, { upgrader })
  const socket = connected(server as unknown as InsideServer)
  server.emit('connection', socket as never, { rawHeaders: [], socket: {} } as never)
  const { busy, awaits } = carry.mock.calls[0]?.[1] ?? {}
  expect([busy?.(), awaits?.()]).toEqual([false, false])
  socket?._receiver.write(Buffer.of(0x81))
  expect([busy?.(), awaits?.()]).toEqual([true, true])
  carry.mockRestore()
})

test('takes itself back', () => {
  const server = new WebSocketServer({ noServer: true })
  moveWebSockets(server, undefined, { upgrader })()
  expect(server.listenerCount('connection')).toBe(0)
})

test('handlers of messages are counted until they settle, whichever way; those of others are not', async () => {
  const socket = new EventEmitter()
  const running = countHandlers(socket as unknown as Inside)
  const settle: (() => void)[] = []
  const heard = vi.fn()
  socket.on('message', () => new Promise<void>((resolve) => settle.push(resolve)))
  socket.once('message', () => new Promise<void>((_, reject) => settle.push(reject)))
  socket.on('message', heard)
  socket.on('ping', () => new Promise(() => {}))
  expect([socket.emit('message', 'a', false), socket.emit('ping')]).toEqual([true, true])
  expect([running(), heard.mock.calls]).toEqual([2, [['a', false]]])
  for (const one of settle.splice(0)) one()
  await vi.waitFor(() => expect(running()).toBe(0))
  socket.emit('message', 'b')
  // The one that listens once is gone.
  expect(running()).toBe(1)
  socket.removeAllListeners('message')
  expect(socket.emit('message', 'c')).toBe(false)
})

test('a handler that throws throws as ever', () => {
  const socket = new EventEmitter()
  countHandlers(socket as unknown as Inside)
  socket.on('message', () => {
    throw new Error('boom')
  })
  expect(() => socket.emit('message')).toThrow('boom')
})
