import type { Upgrader } from '../api.js'

const counters = new WeakMap<Upgrader, () => void>()

/** @param count called for each client that is told to come back */
export function countTold(upgrader: Upgrader, count: () => void): void {
  counters.set(upgrader, count)
}

/** A client was told to come back: what a drain says of its connections counts it. */
export function wasTold(upgrader: Upgrader): void {
  counters.get(upgrader)?.()
}
