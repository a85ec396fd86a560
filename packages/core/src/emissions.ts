import type { EventEmitter } from 'node:events'

/** Sees an event before its listeners do. `proceed` emits it; without it nobody hears of it. */
export type Interceptor = (event: string | symbol, proceed: () => boolean) => boolean

const layers = new WeakMap<EventEmitter, Interceptor[]>()

/**
 * Stands between an emitter and its listeners, for what no listener can do: hold an event back.
 * @returns steps aside again, in whatever order interceptors came
 */
export function intercept(emitter: EventEmitter, interceptor: Interceptor): () => void {
  const stack = layers.get(emitter) ?? install(emitter)
  stack.push(interceptor)
  return () => {
    const at = stack.indexOf(interceptor)
    if (at >= 0) stack.splice(at, 1)
  }
}

function install(emitter: EventEmitter): Interceptor[] {
  const stack: Interceptor[] = []
  const original = emitter.emit
  const emit = function (this: EventEmitter, event: string | symbol, ...args: unknown[]): boolean {
    const from = (layer: number): boolean => {
      const interceptor = stack[layer]
      if (!interceptor) return Reflect.apply(original, this, [event, ...args]) as boolean
      return interceptor(event, () => from(layer + 1))
    }
    return from(0)
  }
  emitter.emit = emit
  layers.set(emitter, stack)
  return stack
}

/** An event that waits. */
export interface HeldEvent {
  /** Emits it, if it was emitted meanwhile. */
  release(): void
  /** As if it had never been. */
  drop(): void
}

/** Keeps an event from its listeners. */
export function holdEvent(emitter: EventEmitter, name: string): HeldEvent {
  let waiting: (() => boolean) | undefined
  const drop = intercept(emitter, (event, proceed) => {
    if (event !== name) return proceed()
    waiting = proceed
    return true
  })
  return {
    drop,
    release: () => {
      drop()
      waiting?.()
    },
  }
}
