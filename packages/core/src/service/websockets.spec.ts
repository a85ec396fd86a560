import { EventEmitter } from 'node:events'
import { expect, test, vi } from 'vitest'
import type { Upgrader } from '../api.js'
import { testUpgrader } from './testing.js'
import { type ClosableSocket, restartWebSockets, type SocketServer } from './websockets.js'

class FakeServer extends EventEmitter implements SocketServer {
  readonly clients = new Set<ClosableSocket>()
}

/** One that drains, for that reason, once `drain` was called. */
function upgraderThatDrains(): { up: Upgrader; drain: () => void; asked: () => number } {
  const controller = new AbortController()
  const status = vi.fn(() => ({ drain: { reason: 'upgraded' } }))
  const up = { ...testUpgrader(), drainSignal: controller.signal, status } as unknown as Upgrader
  return { up, drain: () => controller.abort(), asked: () => status.mock.calls.length }
}

test('a new WebSocket costs no status, before there is a drain', () => {
  const server = new FakeServer()
  const { up, drain, asked } = upgraderThatDrains()
  restartWebSockets(server, { upgrader: up })
  const [early, late] = [{ close: vi.fn() }, { close: vi.fn() }]
  server.emit('connection', early)
  expect([asked(), early.close.mock.calls]).toEqual([0, []])
  drain()
  server.emit('connection', late)
  expect(late.close.mock.calls).toEqual([[1012, 'service restart']])
})

test.each([
  ['over', { over: -1 }, /"over": expected milliseconds, received -1/],
  ['over', { over: '5s' }, /"over": expected milliseconds, received '5s'/],
  ['upgrader', { upgrader: {} }, /"upgrader": expected an upgrader, received \{\}/],
])('a bad option is refused at once: %s', (_, options, message) => {
  expect(() => restartWebSockets(new FakeServer(), options as never)).toThrow(message)
})

test.each([
  ['undefined', undefined],
  ["Socket.IO's server", Object.assign(new EventEmitter(), { engine: {} })],
  ["engine.io's server", Object.assign(new EventEmitter(), { clients: {} })],
  ['a set', { clients: new Set() }],
])('what is no WebSocket server is refused at once: %s', (_, server) => {
  expect(() => restartWebSockets(server as never, { upgrader: testUpgrader() })).toThrow(
    expect.objectContaining({ code: 'ERR_ENDLESS_OPTION' }),
  )
})
