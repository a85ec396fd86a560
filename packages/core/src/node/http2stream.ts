/**
 * What Node does with a server's HTTP/2 stream stands here: at the end of what the client sends, it calls
 * the stream's own `read(0)`, and a stream that nothing waits in is over then; and it lets an app push as
 * long as `pushAllowed` says so. It is the same in Node 20, 22, 24 and 26; `connections/goaway.held.spec`
 * fails where it is not.
 */
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import { intercept } from './emissions.js'

/** What a stream says of its request. */
const ofRequest: ReadonlySet<string | symbol> = new Set(['headers', 'trailers', 'priority', 'end'])
/** What it says when it is over. */
const ofItsEnd: ReadonlySet<string | symbol> = new Set(['aborted', 'error', 'close'])

/**
 * Keeps a stream that nobody has been given yet as it is, so that whoever gets it misses nothing.
 * @returns gives it, unless the client has given it up; what was emitted meanwhile comes after that
 */
export function holdStream(stream: ServerHttp2Stream): (give: () => void) => void {
  const missed: (() => void)[] = []
  const letGo = intercept(stream, (event, proceed) => {
    if (ofRequest.has(event)) {
      missed.push(proceed)
      return true
    }
    if (ofItsEnd.has(event)) tell()
    return proceed()
  })
  let given = false
  const tell = (): void => {
    if (!given) return
    letGo()
    for (const proceed of missed.splice(0)) proceed()
  }
  // Nobody else listens yet, and a stream that the client resets must not end the process.
  stream.on('error', ignore)
  let wasRead = false
  stream.read = () => {
    wasRead = true
    return null
  }
  return (give) => {
    Reflect.deleteProperty(stream, 'read')
    // Closed, and waiting for somebody to read what is left of it.
    if (stream.closed) stream.destroy()
    if (stream.destroyed) return letGo()
    given = true
    // A handler may listen after an await, as it may where Node reads one frame after the other.
    setImmediate(() => {
      tell()
      if (wasRead && !stream.destroyed) stream.read(0)
    })
    give()
    stream.off('error', ignore)
  }
}

/**
 * Lets an app push on streams of a session that has sent GOAWAY: that is about streams of the client (RFC
 * 9113, 6.8), and Node refuses those of the server, too. Until the client itself says GOAWAY.
 * @returns does so with one of them
 */
export function pushesOn(session: ServerHttp2Session): (stream: ServerHttp2Stream) => void {
  let refuses = session.closed
  session.once('goaway', () => {
    refuses = true
  })
  const pushAllowed = {
    configurable: true,
    get(this: ServerHttp2Stream): boolean {
      if (refuses || session.destroyed || this.destroyed || this.closed) return false
      return session.remoteSettings.enablePush ?? true
    },
  }
  return (stream) => void Object.defineProperty(stream, 'pushAllowed', pushAllowed)
}

function ignore(): void {}
