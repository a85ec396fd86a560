import { strangenessOf as strangenessOfWs } from '@endlessjs/ws/inside'
import type { InsideServer } from './internals.js'

/** What is different inside this Socket.IO from what we know; undefined where nothing is. */
export function strangenessOf(io: InsideServer): string | undefined {
  const { engine } = io
  const missing = [
    ...missingIn('engine', engine, ['generateId', 'onWebSocket', 'prependListener', 'off']),
    ...missingIn('server', io, ['_checkNamespace']),
    ...missingIn('server.encoder', io.encoder, ['encode']),
    ...missingIn('namespace', io.sockets, ['_createSocket', '_remove']),
  ]
  if (missing.length > 0) return `it has no ${missing.join(', ')}`
  return engine.ws ? strangenessOfWs(engine.ws) : 'it has no ws'
}

function missingIn(what: string, target: object | undefined, names: readonly string[]): string[] {
  return names
    .filter((name) => typeof Reflect.get(Object(target), name) !== 'function')
    .map((name) => `${name} of its ${what}`)
}
