import type { Inside } from './internals.js'

/**
 * Counts the handlers of messages that have not settled: what an async one answers after its connection has moved
 * would reach nobody. `ws` does not look at what a handler returns, so its `emit` of messages is ours.
 * @returns how many there are
 */
export function countHandlers(socket: Inside): () => number {
  let running = 0
  const { emit } = socket
  const done = (): void => void running--
  socket.emit = (event, ...values) => {
    if (event !== 'message') return Reflect.apply(emit, socket, [event, ...values])
    const listeners = socket.rawListeners('message')
    for (const listener of listeners) {
      const result = Reflect.apply(listener, socket, values)
      if (!isPromise(result)) continue
      running++
      result.then(done, done)
    }
    return listeners.length > 0
  }
  return () => running
}

export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function'
}
