import type { EventEmitter } from 'node:events'

/** Sees an event before its listeners do. `proceed` emits it; without it nobody hears of it. */
export type Interceptor = (
  event: string | symbol,
  proceed: () => boolean,
  args: readonly unknown[],
) => boolean

const layers = new WeakMap<EventEmitter, Interceptor[]>()
const restores = new WeakMap<EventEmitter, () => boolean>()

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
    if (stack.length === 0) uninstall(emitter)
  }
}

/** Unless another wrapper stands on ours by now; then ours only passes on. */
function uninstall(emitter: EventEmitter): void {
  const restore = restores.get(emitter)
  if (restore?.()) {
    layers.delete(emitter)
    restores.delete(emitter)
  }
}

function install(emitter: EventEmitter): Interceptor[] {
  const stack: Interceptor[] = []
  const original = emitter.emit
  const emit = function (this: EventEmitter, event: string | symbol, ...args: unknown[]): boolean {
    const from = (layer: number): boolean => {
      const interceptor = stack[layer]
      if (!interceptor) return Reflect.apply(original, this, [event, ...args]) as boolean
      return interceptor(event, () => from(layer + 1), args)
    }
    return from(0)
  }
  const own = Object.getOwnPropertyDescriptor(emitter, 'emit')
  emitter.emit = emit
  restores.set(emitter, () => {
    if (emitter.emit !== emit) return false
    Reflect.deleteProperty(emitter, 'emit')
    if (own) Object.defineProperty(emitter, 'emit', own)
    return true
  })
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
