/**
 * A response in progress, whose connection is going to be another process's. `_headerSent` and `detachSocket` are
 * Node's, and the same in Node 20, 22, 24 and 26; `partsFromSocket` tests for them.
 */
import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { leaveOff } from './handshake.js'
import { isBetweenRequests, responseOn, sentHead } from './parser.js'

/** What says how the rest of a response is to be read, beside its status. */
const framing = /^(content-type|content-length|content-encoding|transfer-encoding): *(.*)$/i

/**
 * Whether nothing of it is on its way through this process: it is between two writes, its request was read whole, and
 * it is its turn.
 */
export function isBetweenWrites(response: ServerResponse): boolean {
  const { socket } = response
  const isHere = socket !== null && responseOn(socket) === response && isBetweenRequests(socket)
  const hasWritten = response.writableLength === 0 && response.writableCorked === 0
  return isHere && hasWritten && !response.writableEnded
}

/** The head of it that its client has; undefined where that is nothing. */
export function headWrittenOf(response: ServerResponse): string | undefined {
  const { _headerSent: isSent } = response as unknown as { _headerSent?: boolean }
  return isSent ? sentHead(response) : undefined
}

/** What its client goes by: the same head, but for the time of day and what is said of the connection. */
export function framingOf(head: string): string {
  const [status = '', ...lines] = head.split('\r\n')
  const names = lines.flatMap((line) => framing.exec(line)?.slice(1).join(': ').toLowerCase() ?? [])
  return [status.split(' ', 2).at(1), ...names.sort()].join('\n')
}

/** Whether something between the app and the client has a state that nobody can read: it compresses. */
export function isEncoded(head: string): boolean {
  return /^content-encoding: *(?!identity)\S/im.test(head)
}

/**
 * From here on what the app still writes goes nowhere, and it hears no 'close', neither of the response nor of the
 * request: its client has not left.
 */
export function partFromSocket(response: ServerResponse, socket: Socket): void {
  const { req: request } = response
  for (const event of ['close', 'aborted', 'error']) request.removeAllListeners(event)
  response.detachSocket(socket)
  response.destroyed = true
  leaveOff(socket)
}

/** Whether this Node does all that. */
export function partsFromSocket(): boolean {
  const socket = new Duplex({ write: (_, __, done) => done() }) as unknown as Socket
  const request = { method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 } as IncomingMessage
  const response = new ServerResponse(request)
  response.assignSocket(socket)
  response.writeHead(200)
  const hadNone = headWrittenOf(response) === undefined
  response.flushHeaders()
  const hasOne = headWrittenOf(response) !== undefined
  Object.assign(response, { req: new Duplex() })
  partFromSocket(response, socket)
  const wrote = response.write('x')
  return hadNone && hasOne && !wrote && socket.listenerCount('close') === 0
}
