import type { Server, Socket } from 'node:net'
import {
  bytesReadOf,
  idleAmong,
  isBetweenRequests,
  isParsed,
  isTls,
  speaksHttp,
} from '../node/index.js'
import type { Connection } from './connection.js'

/**
 * What a connection is at: answering a request; `idle` between two; `silent`, never sent a byte;
 * `partial`, half a request read; `upgraded`, no longer http (WebSocket, CONNECT, or no http server).
 */
export type Kind = 'active' | 'idle' | 'silent' | 'partial' | 'upgraded'

/** What each of these connections is at. */
export function kindsOf(
  all: readonly Connection[],
  servers: Iterable<Server>,
): Map<Connection, Kind> {
  const idle = new Set<Socket>()
  for (const server of servers) {
    const sockets = all.filter((one) => one.server === server).map(({ socket }) => socket)
    for (const socket of idleAmong(server, sockets)) idle.add(socket)
  }
  const kindOf = (one: Connection): Kind => {
    if (one.exchanges.length > 0) return 'active'
    if (one.session) return 'idle'
    if (!speaksHttp(one.server)) return 'upgraded'
    if (isSilent(one) || isInHandshake(one)) return 'silent'
    if (!isParsed(one.socket)) return 'upgraded'
    return idle.has(one.socket) ? 'idle' : 'partial'
  }
  return new Map(all.map((one) => [one, kindOf(one)]))
}

function isSilent({ requests, socket }: Connection): boolean {
  if (requests > 0) return false
  const bytes = bytesReadOf(socket)
  return bytes === undefined ? isBetweenRequests(socket) : bytes === 0
}

/** A TLS server announces the TCP socket first, and the secure one that replaces it later. */
function isInHandshake({ server, socket }: Connection): boolean {
  return isTls(server) && !('encrypted' in socket)
}
