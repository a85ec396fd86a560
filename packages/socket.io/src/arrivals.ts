import type { Duplex } from 'node:stream'
import { baggageOf } from '@endlessjs/core'
import type { Engine } from './internals.js'

/** The clients on their way here: the predecessor has let go of them, and they are in no namespace yet. */
export class Arrivals {
  readonly #coming = new Map<Duplex, PromiseWithResolvers>()

  /** @returns takes it back */
  watch(engine: Engine): () => void {
    const { handleUpgrade: real } = engine
    // In the very turn in which the connection is ours: the app may think about its handshake for long.
    engine.handleUpgrade = (request, socket, head) => {
      if (baggageOf(request) !== undefined) this.#comes(socket)
      Reflect.apply(real, engine, [request, socket, head])
    }
    return () => void Reflect.deleteProperty(engine, 'handleUpgrade')
  }

  /** It is there, or will not be. */
  over(socket: Duplex): void {
    const coming = this.#coming.get(socket)
    this.#coming.delete(socket)
    // What it has missed is told to it in the next tick.
    if (coming) setImmediate(coming.resolve)
  }

  /** Settles when those are there that are on their way now; undefined where nobody is. */
  get settled(): Promise<unknown> | undefined {
    if (this.#coming.size === 0) return undefined
    return Promise.all([...this.#coming.values()].map(({ promise }) => promise))
  }

  #comes(socket: Duplex): void {
    this.#coming.set(socket, withResolvers())
    socket.once('close', () => this.over(socket))
  }
}

interface PromiseWithResolvers {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

function withResolvers(): PromiseWithResolvers {
  let resolve = (): void => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
