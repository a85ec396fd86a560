import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import { setTimeout as delay } from 'node:timers/promises'
import { holdStream, intercept, pushesOn } from '../node/index.js'

/** How long to wait at most, in ms: for a client that is far away, or a download that never pauses. */
const longest = 1_000
/** How long nothing may have been written, in ms: a client takes its time to follow up. */
const quiet = 20
/** So many pings answered meanwhile: a busy one takes several turns of its event loop. */
const roundTrips = 6
/** Between two pings, in ms: without it a line as short as loopback has ten thousand in a second. */
const pause = 4
/** Size of the frame that `ping()` writes (RFC 9113, 6.7): header and payload. */
const pingFrame = 9 + 8

/**
 * Sends GOAWAY when no request is on its way, since that one would be refused. Streams that run
 * finish.
 *
 * It is not the shutdown in two steps of RFC 9113, 6.8, because Node cannot do that: its
 * `goaway(NO_ERROR, 2 ** 31 - 1)` is nghttp2's `submit_goaway` and not its `submit_shutdown_notice`,
 * and after that nghttp2 ignores the HEADERS of every new stream, whatever last stream the frame
 * names. With SETTINGS_MAX_CONCURRENT_STREAMS of 0 it refuses new streams before the client has
 * heard of it. So this lets the client run dry: new requests wait until the GOAWAY is out, so the
 * client gets no answer to follow up on, and when nothing was written for some round trips,
 * what the client sent because of something that it got is here.
 *
 * What a client sends of its own accord at that very moment is still refused, untouched: it may send
 * that again (RFC 9113, 8.7).
 *
 * @param running streams that the app has already
 */
export function goAway(
  session: ServerHttp2Session,
  running: Iterable<ServerHttp2Stream> = [],
): void {
  if (session.closed || session.destroyed) return
  const letPush = pushesOn(session)
  for (const stream of running) letPush(stream)
  const release = holdStreams(session, letPush)
  let over = false
  const close = (): void => {
    if (over) return
    over = true
    clearTimeout(timer)
    session.off('close', close)
    session.close()
    release()
  }
  const timer = setTimeout(close, longest)
  session.once('close', close)
  const rest = async (): Promise<void> => {
    let rounds = 0
    let since = performance.now()
    while (!over && (rounds < roundTrips || performance.now() - since < quiet)) {
      const before = session.socket.bytesWritten
      if (!(await roundTrip(session)) || session.closed || session.destroyed) break
      // A client that has connected is about to ask.
      const fresh = session.state.lastProcStreamID === 0
      if (session.socket.bytesWritten === before + pingFrame && !fresh) rounds++
      else [rounds, since] = [0, performance.now()]
      await delay(pause)
    }
    close()
  }
  void rest()
}

/** @returns whether the client answered */
function roundTrip(session: ServerHttp2Session): Promise<boolean> {
  return new Promise((resolve) => {
    if (session.destroyed || !session.ping((error) => resolve(!error))) resolve(false)
  })
}

/**
 * Keeps new streams from the app.
 * @param each told of each of them
 * @returns gives it to them
 */
function holdStreams(
  session: ServerHttp2Session,
  each: (stream: ServerHttp2Stream) => void,
): () => void {
  const held: (() => void)[] = []
  const letGo = intercept(session, (event, give, [stream]) => {
    if (event !== 'stream') return give()
    each(stream as ServerHttp2Stream)
    const release = holdStream(stream as ServerHttp2Stream)
    held.push(() => release(give))
    return true
  })
  return () => {
    letGo()
    // Each for itself, as Node gives them: a handler that throws takes no other stream with it.
    for (const release of held.splice(0)) process.nextTick(release)
  }
}
