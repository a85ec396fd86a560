/** What is different at a handshake that its client has been through already. */
import type { IncomingMessage } from 'node:http'
import type { Inside } from '@endlessjs/ws/inside'
import type { Engine, EngineRequest } from './internals.js'

/**
 * The request as that of a client that came by WebSocket at once. Of one that began with polling it says `sid`, which
 * the successor does not know.
 */
export function directly(request: EngineRequest): IncomingMessage {
  const { originalUrl, url } = request
  const [path, query = ''] = String(typeof originalUrl === 'string' ? originalUrl : url).split('?')
  const rest = query.split('&').filter((one) => !one.startsWith('sid='))
  return Object.create(request, {
    originalUrl: { value: `${path}?${rest.join('&')}` },
  }) as IncomingMessage
}

/** @param handshake asks for an id at once */
export function withId(engine: Engine, id: string, handshake: () => void): void {
  const own = Object.getOwnPropertyDescriptor(engine, 'generateId')
  engine.generateId = () => id
  try {
    handshake()
  } finally {
    Reflect.deleteProperty(engine, 'generateId')
    if (own) Object.defineProperty(engine, 'generateId', own)
  }
}

/**
 * What is sent on a WebSocket is sent to nobody: its client has an id, and would take another 'open' for nonsense.
 * @returns lets it speak
 */
export function muted(websocket: Inside): () => void {
  const sent: (() => void)[] = []
  websocket.send = (...call: unknown[]) => {
    const done = call.findLast((one) => typeof one === 'function')
    if (done) sent.push(done as () => void)
  }
  return () => {
    Reflect.deleteProperty(websocket, 'send')
    for (const done of sent) process.nextTick(done)
  }
}
