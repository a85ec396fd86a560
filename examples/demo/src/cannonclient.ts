import type { Socket } from 'node:net'
import type { Failure } from '@endlessjs/test/client'
import type { Client, Request } from 'autocannon'

/** What autocannon 8 does not declare of a client. */
interface Internals {
  _connect(): void
  _doRequest(): void
  _resetConnection(): void
  readonly conn: Socket
  readonly pipelinedRequests: { clear(): void }
}

/** The load that a client is part of. */
export interface Owner {
  readonly stopping: boolean
  readonly timeout: number
  answered(version: string): void
  failed(kind: Failure, why: string): void
}

/** What the service's JSON may hold. */
interface Answer {
  version?: unknown
  id?: unknown
  length?: unknown
}

const body = JSON.stringify({ text: 'x'.repeat(1_000) })

/**
 * One client of autocannon, with three faults of autocannon 8 and 9 made good:
 *
 * - It sends its next request on a connection whose response said `Connection: close`, which
 *   nobody can answer (RFC 9112, 9.6: the client must not). Here it takes a new connection.
 * - It counts nothing when a connection closes with a request under way, and sends another.
 *   Here that is a failure like any other.
 * - After a connection was lost it goes on to take the answer to the next request for that of the
 *   lost one. Here what is lost is forgotten.
 */
export class CannonClient {
  /** How many connections it has opened. */
  opened = 0
  readonly #client: Internals
  readonly #owner: Owner
  readonly #name: number
  #requests = 0
  /** When the request under way was sent; undefined between two. */
  #sentAt: number | undefined
  #begun = false
  #closing = false
  #rested: () => void = () => {}

  constructor(client: Client, owner: Owner, name: number) {
    // Its methods stand there for us to change, though they are not meant to be.
    this.#client = client as unknown as Internals
    this.#owner = owner
    this.#name = name
    client.setRequests([
      { method: 'GET', onResponse: (...reply) => this.#onResponse(isVersion, ...reply) },
      {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
        setupRequest: (request) => ({
          ...request,
          headers: { ...request.headers, 'x-request-id': this.#id },
        }),
        onResponse: (...reply) => this.#onResponse((echo) => this.#isMine(echo), ...reply),
      },
    ])
    client.addListener('request', () => this.#onRequest())
    client.addListener('headers', () => {
      this.#begun = true
    })
    client.addListener('connError', (error: NodeJS.ErrnoException) => this.#lose(error))
    this.#count()
    this.#mend()
  }

  /** Settles when no request is under way. */
  async rest(): Promise<void> {
    if (this.#sentAt === undefined) return
    await new Promise<void>((resolve) => {
      this.#rested = resolve
    })
  }

  get #id(): string {
    return `cannon-${this.#name}-${this.#requests}`
  }

  /** The first connection, too: it is set up before it connects. */
  #count(): void {
    const client = this.#client
    const connect = client._connect
    client._connect = () => {
      connect.call(client)
      client.conn.once('connect', () => {
        this.opened += 1
      })
    }
  }

  #mend(): void {
    const client = this.#client
    const next = client._doRequest
    client._doRequest = () => {
      this.#lose()
      if (this.#owner.stopping) return
      if (!this.#closing) return next.call(client)
      this.#closing = false
      client._resetConnection()
    }
  }

  #onRequest(): void {
    this.#requests += 1
    this.#sentAt = performance.now()
    this.#begun = false
  }

  #onResponse(
    isRight: (answer: Answer) => boolean,
    status: number,
    content: string,
    _context: object,
    raw: Request['headers'],
  ): void {
    const headers = new Map(Object.entries(raw ?? {}).map(([name, v]) => [name.toLowerCase(), v]))
    this.#closing = headers.get('connection') === 'close'
    this.#owner.answered(String(headers.get('x-version')))
    if (status !== 200) this.#owner.failed('status', `${this.#id}: status ${status}`)
    else if (!isRight(parse(content))) this.#owner.failed('wrong', `${this.#id}: ${content}`)
    this.#settle()
  }

  #isMine({ id, length }: Answer): boolean {
    return id === this.#id && length === body.length
  }

  /** The request under way, if there is one, gets no answer any more. */
  #lose(error?: NodeJS.ErrnoException): void {
    if (this.#sentAt === undefined) return
    const age = performance.now() - this.#sentAt
    const why = `${this.#id}: ${error?.message ?? 'closed'} after ${age.toFixed(0)} ms`
    if (age >= this.#owner.timeout * 1_000) this.#owner.failed('timeout', why)
    else if (error?.code === 'ECONNREFUSED') this.#owner.failed('refused', why)
    else this.#owner.failed(this.#begun ? 'cut' : 'reset', why)
    this.#client.pipelinedRequests.clear()
    this.#settle()
  }

  #settle(): void {
    this.#sentAt = undefined
    this.#rested()
  }
}

function isVersion({ version }: Answer): boolean {
  return typeof version === 'string'
}

function parse(content: string): Answer {
  try {
    return JSON.parse(content)
  } catch {
    return {}
  }
}
