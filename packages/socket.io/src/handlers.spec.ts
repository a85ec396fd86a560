import { EventEmitter } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test, vi } from 'vitest'
import { Tally, tallyOf } from './handlers.js'
import type { Socket } from './internals.js'

/** As far as Socket.IO's own is used. */
class Own extends EventEmitter {
  connected = true
  readonly errors: unknown[] = []
  readonly sent: unknown[] = []
  readonly acks = new Map<unknown, (...values: unknown[]) => void>()
  middleware: (next: (error?: unknown) => void) => void = (next) => next()
  run(_: unknown, next: (error?: unknown) => void): void {
    this.middleware(next)
  }
  ack(id: unknown): (...values: unknown[]) => void {
    return (...values) => void this.sent.push([id, ...values])
  }
  registerAckCallback(id: unknown, ack: (...values: unknown[]) => void): void {
    this.acks.set(id, ack)
  }
  _onerror(error: unknown): void {
    this.errors.push(error)
  }
}

function watched(): readonly [own: Own, socket: Socket, tally: Tally] {
  const own = new Own()
  const tally = new Tally()
  tallyOf(own as unknown as Socket, tally)
  return [own, own as unknown as Socket, tally]
}

/** Node 20 has no `Promise.withResolvers`. */
function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('an event is counted until its middlewares and its handlers have settled', async () => {
  const [own, socket, tally] = watched()
  let pass: () => void = () => {}
  const { promise: pending, resolve: settle } = deferred()
  own.middleware = (next) => {
    pass = next
  }
  const heard = vi.fn(() => pending)
  own.on('say', heard)
  socket.dispatch(['say', 1, 2])
  expect([tally.running, heard.mock.calls]).toEqual([1, []])
  pass()
  await soon()
  expect([tally.running, heard.mock.calls]).toEqual([1, [[1, 2]]])
  settle()
  await soon()
  expect(tally.running).toBe(0)
})

test('what a middleware refuses is an error, and what comes after the end is nothing', async () => {
  const [own, socket, tally] = watched()
  const heard = vi.fn()
  own.on('say', heard)
  own.middleware = (next) => next(new Error('no'))
  socket.dispatch(['say'])
  await soon()
  expect(own.errors).toEqual([new Error('no')])
  own.middleware = (next) => next()
  own.connected = false
  socket.dispatch(['say'])
  await soon()
  expect([heard.mock.calls.length, tally.running]).toEqual([0, 0])
})

test('an ack is owed until it is given, once', () => {
  const [own, socket, tally] = watched()
  const ack = socket.ack(7)
  expect(tally.owed).toBe(1)
  ack('a')
  ack('b')
  expect([tally.owed, own.sent[0]]).toEqual([0, [7, 'a']])
})

test('an ack and an event that the app has thrown away are owed no more', async () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const [own, socket, tally] = watched()
  own.middleware = () => {}
  socket.ack(1)
  socket.dispatch(['dropped'])
  expect([tally.owed, tally.running]).toEqual([1, 1])
  await vi.waitFor(() => {
    gc()
    expect([tally.owed, tally.running]).toEqual([0, 0])
  })
})

test('what an app does with the ack of a client is counted, and gets all of it', async () => {
  const [own, socket, tally] = watched()
  const { promise: pending, resolve: settle } = deferred()
  const answered = vi.fn(() => pending)
  socket.registerAckCallback(1, answered)
  own.acks.get(1)?.('a', 'b')
  expect([tally.running, answered.mock.calls]).toEqual([1, [['a', 'b']]])
  settle()
  await soon()
  expect(tally.running).toBe(0)
})
