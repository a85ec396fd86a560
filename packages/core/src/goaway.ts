import { constants, type ServerHttp2Session } from 'node:http2'

/** "No stream is refused yet" (RFC 9113, 6.8). */
const everyStream = 2 ** 31 - 1
/** How long to wait for a client that does not answer a ping, in ms. */
const longestRoundTrip = 1_000

/**
 * The graceful shutdown of RFC 9113, 6.8: a GOAWAY that refuses nothing tells the client to open no
 * further stream; a round trip later all that was on its way has arrived, and the GOAWAY
 * of `close()` names the last one. Streams that run finish.
 */
export function goAway(session: ServerHttp2Session): void {
  if (session.closed || session.destroyed) return
  const close = (): void => {
    clearTimeout(timer)
    Reflect.deleteProperty(session, 'close')
    if (!session.closed && !session.destroyed) session.close()
  }
  const timer = setTimeout(close, longestRoundTrip)
  // Node's client answers a GOAWAY with one of its own, ahead of requests that it has queued
  // already, and Node's server would close on that at once and refuse them.
  session.close = () => {}
  session.goaway(constants.NGHTTP2_NO_ERROR, everyStream)
  // Two round trips: the answer to the first ping overtakes requests that a client has queued. A
  // session that dies meanwhile calls back with an error.
  session.ping(() => {
    if (session.destroyed) close()
    else session.ping(close)
  })
}
