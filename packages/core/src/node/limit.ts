/**
 * Node counts the requests of a connection where nobody can reach, and compares with
 * `maxRequestsPerSocket` right after `http.server.request.start`, before it emits anything: the same in Node
 * 20, 22, 24 and 26.
 */
import type { Server } from 'node:net'
import { intercept } from './emissions.js'

/**
 * Lets Node's comparison for the request that has just started be one with `earlier` requests more: what
 * it does to the last one and to those behind it (503, 'dropRequest') is all its own.
 */
export function countOn(server: Server, earlier: number): void {
  const limited = server as Server & { maxRequestsPerSocket?: unknown }
  const { maxRequestsPerSocket: most } = limited
  if (typeof most !== 'number' || most <= 0) return
  // 0 would be no limit.
  const rest = Math.max(most - earlier, 0.5)
  limited.maxRequestsPerSocket = rest
  const restore = (): void => {
    if (limited.maxRequestsPerSocket === rest) limited.maxRequestsPerSocket = most
    letGo()
  }
  const letGo = intercept(server, (_, proceed) => {
    restore()
    return proceed()
  })
  // One that is refused as malformed is not emitted.
  process.nextTick(restore)
}
