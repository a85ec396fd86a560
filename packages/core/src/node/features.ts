/** What this Node lacks of what stands in this room: a clear word instead of a strange failure. */
import { createServer } from 'node:http'
import net, { type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { EndlessError } from '../errors.js'
import type { Handle } from './handle.js'
import { idleOf, isBetweenRequests, readHalf, settle } from './parser.js'
import { missingForPipes } from './pipes.js'

/** Throws where this Node lacks what the inheritance of listeners needs. */
export function checkNode(): void {
  const missing: string[] = []
  if (!hasMethod(net.Server.prototype, '_listen2')) missing.push('net.Server.prototype._listen2')
  if (!hasMethod(net, '_createServerHandle')) missing.push('net._createServerHandle')
  if (!('_handle' in new net.Server())) missing.push('net.Server#_handle')
  if (missing.length > 0)
    throw new EndlessError(
      'ERR_ENDLESS_NODE',
      `Node ${process.version} has no ${missing.join(', ')}, which taking over a listener needs: ` +
        'use Node 20, 22, 24 or 26, or report this to the endless project',
    )
}

function hasMethod(target: object, name: string): boolean {
  return typeof Reflect.get(target, name) === 'function'
}

/**
 * What this Node lacks for moving connections.
 * @param listening what they are accepted on: their own handles are of the same class
 */
export function missingForMigration(listening: Iterable<Handle>): string[] {
  const missing = new Set<string>()
  for (const handle of listening)
    for (const name of ['readStart', 'readStop', 'onconnection'])
      if (!(name in handle)) missing.add(`${name} of a handle`)
  if (!knowsBetween()) missing.add('HTTP parser that tells whether it is between two requests')
  return [...missing, ...missingForPipes()]
}

/** Settles a connection, lets it read half a request, and looks whether Node agrees each time. */
function knowsBetween(): boolean {
  const server = createServer()
  const socket = new Duplex({ read() {}, write: (_, __, done) => done() }) as unknown as Socket
  // Node finds idle connections only on a server that listens, or believes that it does.
  server.emit('listening')
  server.emit('connection', socket)
  const agrees = (between: boolean): boolean =>
    isBetweenRequests(socket) === between && idleOf(server)?.has(socket) === between
  try {
    settle(server, socket, undefined)
    return agrees(true) && readHalf(socket) && agrees(false)
  } catch {
    return false
  } finally {
    socket.destroy()
    server.close()
  }
}
