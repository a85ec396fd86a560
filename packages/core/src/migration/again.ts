import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Connection } from '../connections/index.js'
import { framingOf, isSwitch, replay, responseOn } from '../node/index.js'
import { type Brought, bring } from './carry.js'
import { farewellTo } from './farewell.js'

/** For so long an app may think about a handshake, in ms. */
const longestHandshake = 10_000

/** An upgraded connection has come: its handshake is replayed. */
export function shakeHandsAgain(
  { socket }: Connection,
  head: string,
  warn: (message: string) => void,
): void {
  replay(socket, head, {
    isSame: isSwitch,
    longest: longestHandshake,
    farewell: farewellTo(head),
    refused: (why) =>
      warn(
        `A connection that another process has upgraded was not accepted again: the app ${why}. Its client has to reconnect.`,
      ),
  })
}

/** A connection has come in the midst of a response: the app is asked again, and goes on with it. */
export interface Continuation {
  /** Of the request. */
  readonly head: string
  /** What its client has of the head of the response; empty where that is nothing. */
  readonly answer: string
  readonly known: Brought
  /** Called when nobody goes on with it. */
  readonly over: () => void
}

/** What the app writes from now on is the rest of a response, of which its client has the beginning. */
export function askAgain(
  { server, socket }: Connection,
  { head, answer, known, over }: Continuation,
  warn: (message: string) => void,
): void {
  const asked = (request: IncomingMessage): void => bring(request, { ...known, answer })
  const emitter: EventEmitter = server
  // The first request of this socket, and no later one, is the one that something is known of.
  emitter.prependOnceListener('request', asked)
  try {
    if (answer === '') socket.emit('data', Buffer.from(head, 'latin1'))
    else
      replay(socket, head, {
        isSame: (own) => framingOf(own) === answer,
        // A long poll, or a stream on which nothing happens, says nothing for as long as it likes.
        longest: undefined,
        farewell: undefined,
        refused: (why) =>
          warn(
            `A response that another process has begun did not go on as it was: the app ${why}. Its client sees it end too early.`,
          ),
      })
  } finally {
    emitter.off('request', asked)
  }
  const response = responseOn(socket)
  if (response) response.once('close', over)
  else over()
}
