import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import { setTimeout as delay } from 'node:timers/promises'
import { holdStream, intercept, pushesOn, standsUnder, writeUnder } from '../node/index.js'

/** How long to wait at most, in ms: for a client that is far away, or a download that never pauses. */
const longest = 1_000
/** The same for a client that has its notice: it begins nothing more, so only a silent one is waited for. */
const longestAfterNotice = 5_000
/** How long nothing may have been written, in ms: a client takes its time to follow up. */
const quiet = 20
/** So many pings answered meanwhile: a busy one takes several turns of its event loop. */
const roundTrips = 6
/** Between two pings, in ms: without it a line as short as loopback has ten thousand in a second. */
const pause = 4
/** Size of the frame that `ping()` writes (RFC 9113, 6.7): header and payload. */
const pingFrame = 9 + 8
/** How long a client may take, in ms, to write what it began before it read the notice. */
const afterNotice = 30
/** GOAWAY, NO_ERROR, last stream 2^31-1 (RFC 9113, 6.8). */
const notice = Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0])

/**
 * Sends GOAWAY when no request is on its way, since that one would be refused. Streams that run
 * finish.
 *
 * Where we stand under the session, it is the shutdown in two steps of RFC 9113, 6.8. Node by itself
 * cannot do that: its `goaway(NO_ERROR, 2 ** 31 - 1)` is nghttp2's `submit_goaway` and not its
 * `submit_shutdown_notice`, and after that nghttp2 ignores the HEADERS of every new stream, whatever last
 * stream the frame names. With SETTINGS_MAX_CONCURRENT_STREAMS of 0 it refuses new streams before the
 * client has heard of it. So elsewhere this lets the client run dry: new requests wait until the GOAWAY is
 * out, so the client gets no answer to follow up on, and when nothing was written for some round trips,
 * what the client sent because of something that it got is here. What a client sends of its own accord at
 * that very moment is still refused, untouched: it may send that again (RFC 9113, 8.7).
 *
 * @param running streams that the app has already
 */
export function goAway(
  session: ServerHttp2Session,
  running: Iterable<ServerHttp2Stream> = [],
): void {
  if (isOver(session)) return
  const letPush = pushesOn(session)
  for (const stream of running) letPush(stream)
  const way = standsUnder(session) ? giveNotice(session, letPush) : runDry(session, letPush)
  let over = false
  const close = (): void => {
    if (over) return
    over = true
    clearTimeout(timer)
    session.off('close', close)
    session.close()
    way.closed()
  }
  const timer = setTimeout(close, way.longest)
  session.once('close', close)
  void way.done.then(close)
}

/** How a session is brought to its last GOAWAY. */
interface Way {
  /** How long it may take, in ms. */
  readonly longest: number
  /** It may be sent, in this very turn. */
  readonly done: Promise<void>
  /** It was sent, whether or not that was the time for it. */
  closed(): void
}

/** The first of the two steps: the client begins nothing any more, and what is on its way is served. */
function giveNotice(session: ServerHttp2Session, each: (stream: ServerHttp2Stream) => void): Way {
  session.prependListener('stream', each)
  const steps = async (): Promise<void> => {
    // Not before our SETTINGS, which is the first frame of all (RFC 9113, 3.4).
    if (session.pendingSettingsAck && !(await roundTrip(session))) return
    if (isOver(session)) return
    writeUnder(session, notice)
    if (!(await roundTrip(session))) return
    await delay(afterNotice)
    await roundTrip(session)
  }
  return { longest: longestAfterNotice, done: steps(), closed: () => {} }
}

function runDry(session: ServerHttp2Session, each: (stream: ServerHttp2Stream) => void): Way {
  const release = holdStreams(session, each)
  const rest = async (): Promise<void> => {
    let rounds = 0
    let since = performance.now()
    while (!isOver(session)) {
      const before = session.socket.bytesWritten
      if (!(await roundTrip(session)) || isOver(session)) return
      // A client that has connected is about to ask.
      const fresh = session.state.lastProcStreamID === 0
      if (session.socket.bytesWritten === before + pingFrame && !fresh) rounds++
      else [rounds, since] = [0, performance.now()]
      const isDry = rounds >= roundTrips && performance.now() - since >= quiet
      // In the turn of the answer: Node writes the GOAWAY at the end of what it reads, before it reads more.
      if (isDry && !takesPushes(session)) return
      await delay(pause)
      if (isDry) return
    }
  }
  const closed = (): void => {
    // A promise has to be there with the GOAWAY: a client of nghttp2 that has answered that one takes the
    // pushed stream for an error of the connection.
    if (takesPushes(session)) release()
    // Elsewhere first the GOAWAY: while handlers run, the client sends what it will refuse.
    else setImmediate(release)
  }
  return { longest, done: rest(), closed }
}

/** Browsers, Go and curl say that they do not; Node's client says nothing, which is that it does. */
function takesPushes(session: ServerHttp2Session): boolean {
  return session.remoteSettings.enablePush !== false
}

function isOver(session: ServerHttp2Session): boolean {
  return session.closed || session.destroyed
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
