import type { Server, Socket } from 'node:net'
import {
  bytesReadOf,
  idleOf,
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
  const idle = new Map([...servers].map((server) => [server, idleOf(server)]))
  const kindOf = (one: Connection): Kind => {
    if (one.isBusy) return 'active'
    if (one.session) return 'idle'
    if (!speaksHttp(one.server)) return 'upgraded'
    if (isInHandshake(one)) return 'silent'
    // Also one that has said nothing here: its handshake may have been read by the predecessor.
    if (!isParsed(one.socket)) return 'upgraded'
    if (isSilent(one)) return 'silent'
    return isIdle(one, idle.get(one.server)) ? 'idle' : 'partial'
  }
  return new Map(all.map((one) => [one, kindOf(one)]))
}

/** Where Node has no list, its parser is asked. */
function isIdle({ socket }: Connection, idle: ReadonlySet<Socket> | undefined): boolean {
  return idle?.has(socket) ?? isBetweenRequests(socket)
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
