import type { RequestListener } from 'node:http'
import { afterEach, beforeEach, expect, vi } from 'vitest'
import { type Served, servedOfEachTest } from '../../connections/specs/served.js'
import { Drain } from '../drain.js'

export const stallTimeout = 10_000
export const post = 'POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n'
export const never: RequestListener = () => {}

/** What there is to drain, and the drain of it. */
export interface Draining {
  readonly served: Served
  /** What was given up. */
  readonly stalled: readonly string[]
  begin(migration?: unknown): Drain
}

/** A drain of real connections in each test of this file, in a time of our own. */
export function drainingInEachTest(): Draining {
  const stalled: string[] = []
  let drain: Drain | undefined

  beforeEach(() => {
    // Ours alone: sockets and Node's own timeouts go on in real time.
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
    stalled.length = 0
  })

  // Vitest runs the last one first: the drain ends before its connections do.
  const served = servedOfEachTest()

  afterEach(() => {
    drain?.cancel()
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
  })

  return {
    served,
    stalled,
    begin: (migration) => {
      const { connections } = served
      drain = new Drain(connections, stallTimeout, (what) => stalled.push(what), migration as never)
      return drain
    },
  }
}
