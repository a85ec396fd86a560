import {
  type ClientHttp2Session,
  connect,
  constants,
  type SecureClientSessionOptions,
} from 'node:http2'
import { setImmediate as immediate } from 'node:timers/promises'

/** What opens a stream (RFC 9113, 6.2). */
const headersFrame = 1

/** What came of an HTTP/2 load: every request in one bucket. */
export interface Http2Report {
  sent: number
  ok: number
  /**
   * Requests that never left this process: Node's client had read a GOAWAY between taking the
   * request and writing it (nghttp2's START_STREAM_NOT_ALLOWED), and tells so by 'frameError' of the
   * HEADERS. A request that the server refused has written them, and is a failure.
   */
  unsent: number
  /** Refused, reset, cut, wrong status: one line each. */
  failures: string[]
  sessions: number
  pids: Set<number>
}

/**
 * A strict HTTP/2 client: several streams at once on each of its connections, no retry. A GOAWAY is
 * obeyed as RFC 9113 says: no further stream there, the next one goes to a new connection.
 */
export class Http2Load {
  readonly report: Http2Report = {
    sent: 0,
    ok: 0,
    unsent: 0,
    failures: [],
    sessions: 0,
    pids: new Set(),
  }
  readonly #url: string
  readonly #options: SecureClientSessionOptions
  readonly #done: Promise<unknown>
  #stopped = false
  #watchers: (() => void)[] = []

  constructor(port: number, options: SecureClientSessionOptions, connections = 4, streams = 8) {
    this.#url = `https://localhost:${port}`
    this.#options = { ...options, host: '127.0.0.1' } as SecureClientSessionOptions
    this.#done = Promise.all(Array.from({ length: connections }, () => this.#run(streams)))
  }

  /** Settles after that many further answers. */
  async progress(count: number): Promise<void> {
    const goal = this.report.ok + count
    while (this.report.ok < goal && this.report.failures.length === 0)
      await new Promise<void>((resolve) => this.#watchers.push(resolve))
  }

  async stop(): Promise<Http2Report> {
    this.#stopped = true
    await this.#done
    return this.report
  }

  async #run(streams: number): Promise<void> {
    while (!this.#stopped) {
      const session = connect(this.#url, this.#options)
      this.report.sessions++
      let open = true
      session.once('goaway', () => {
        open = false
      })
      session.once('close', () => {
        open = false
      })
      session.on('error', (error) => this.report.failures.push(`session: ${error.message}`))
      await Promise.all(
        Array.from({ length: streams }, async (_, n) => {
          while (open && !this.#stopped) {
            await this.#request(session, n)
            // Node's client tells of a GOAWAY one tick after it has begun to refuse requests itself.
            await immediate()
          }
        }),
      )
      session.close()
    }
  }

  #request(session: ClientHttp2Session, n: number): Promise<void> {
    this.report.sent++
    const stream = session.request({ ':method': 'POST', ':path': `/?ms=${3 + n * 3}` })
    stream.end('x'.repeat(1_000))
    let [text, status] = ['', 0]
    stream.setEncoding('utf8')
    stream.on('response', (headers) => {
      status = Number(headers[constants.HTTP2_HEADER_STATUS])
    })
    stream.on('data', (chunk: string) => {
      text += chunk
    })
    return new Promise((resolve) => {
      let failure = 'closed before the end of the answer'
      let unsent = false
      stream.on('frameError', (type) => {
        unsent ||= type === headersFrame
      })
      stream.on('error', (error) => {
        failure = error.message
      })
      stream.on('close', () => {
        if (unsent) {
          this.report.sent--
          this.report.unsent++
        } else if (status === 200 && text.endsWith('}')) {
          this.report.ok++
          this.report.pids.add((JSON.parse(text) as { pid: number }).pid)
        } else this.report.failures.push(`status ${status}, code ${stream.rstCode}: ${failure}`)
        for (const watch of this.#watchers.splice(0)) watch()
        resolve()
      })
    })
  }
}
