import { isPromise } from '@endlessjs/ws/inside'
import type { Socket } from './internals.js'

/** What a client waits for from the app. */
export class Tally {
  /** Middlewares of its events, and handlers, that have not settled. */
  running = 0
  /** Acks that the app has in its hands and has not called. */
  owed = 0
}

/** What the app has thrown away it will never call: nobody has to wait for that. */
const thrownAway = new FinalizationRegistry<() => void>((forget) => forget())

/**
 * Counts what the app is at: what it answers after its client has moved would reach nobody. Socket.IO does not look at
 * what a handler returns, so what calls them is ours.
 */
export function tallyOf(socket: Socket, tally: Tally): void {
  const { ack, registerAckCallback: register } = socket
  socket.dispatch = (event) => dispatch(socket, event, tally)
  socket.ack = (id) => {
    tally.owed++
    const isOver = once(() => tally.owed--)
    const real = Reflect.apply(ack, socket, [id])
    const given = (...values: unknown[]): void => {
      isOver()
      real(...values)
    }
    thrownAway.register(given, isOver)
    return given
  }
  socket.registerAckCallback = (id, call) =>
    Reflect.apply(register, socket, [
      id,
      function (this: unknown, ...values: unknown[]): void {
        watch(Reflect.apply(call, this, values), tally)
      },
    ])
}

/** As Socket.IO does it. */
function dispatch(socket: Socket, event: readonly unknown[], tally: Tally): void {
  const [name, ...values] = event
  tally.running++
  const isOver = once(() => tally.running--)
  const handle = (error?: unknown): void => {
    isOver()
    if (error) return socket._onerror(error)
    if (!socket.connected) return
    for (const listener of socket.rawListeners(name))
      watch(Reflect.apply(listener, socket, values), tally)
  }
  const next = (error?: unknown): void => process.nextTick(handle, error)
  // A middleware that calls no next has dropped the event.
  thrownAway.register(next, isOver)
  socket.run(event, next)
}

function watch(result: unknown, tally: Tally): void {
  if (!isPromise(result)) return
  tally.running++
  const done = (): void => void tally.running--
  result.then(done, done)
}

function once(call: () => void): () => void {
  let isDone = false
  return () => {
    if (!isDone) call()
    isDone = true
  }
}
