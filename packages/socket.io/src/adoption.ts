import { type Conn, connect, type InsideServer, type Packet } from './internals.js'
import type { Joined, Luggage } from './luggage.js'

/** For so long an app may think about a namespace, in ms. */
const longest = 10_000

/**
 * A connection that came from the predecessor joins its namespaces again, without its client: what that would have
 * said is said to Socket.IO by us, and what it would be told is told to nobody. What it says meanwhile waits, since
 * Socket.IO closes whoever speaks in a namespace before that is joined.
 */
export class Adoption {
  readonly #io: InsideServer
  readonly #conn: Conn
  readonly #waiting: [event: string, values: unknown[]][] = []
  readonly #coming: Map<string, Joined>
  /** Not told yet whether they may join. */
  readonly #open: Set<string>
  readonly #data: Readonly<Record<string, unknown>>
  readonly #late: NodeJS.Timeout
  readonly #isThere: () => void
  readonly #over: () => void
  readonly #emit: Conn['emit']

  /**
   * @param isThere called when all is restored, before it says anything
   * @param over called at the end, whatever that is
   */
  constructor(
    io: InsideServer,
    conn: Conn,
    { joined }: Luggage,
    data: Readonly<Record<string, unknown>>,
    isThere: () => void,
    over: () => void,
  ) {
    this.#io = io
    this.#conn = conn
    this.#data = data
    this.#isThere = isThere
    this.#over = over
    this.#coming = new Map(joined.map((one) => [one.nsp, one]))
    this.#open = new Set(this.#coming.keys())
    this.#late = setTimeout(() => this.#refuse(), longest).unref()
    this.#emit = conn.emit
    conn.emit = (event, ...values) => {
      if (event !== 'data' && event !== 'message')
        return Reflect.apply(this.#emit, conn, [event, ...values])
      this.#waiting.push([event, values])
      return true
    }
    conn.once('close', () => this.#end())
  }

  /** Socket.IO knows the connection. */
  begin(): void {
    // Its client hears of the time that it has by this alone: it may have waited for the most of it.
    this.#conn.sendPacket('ping')
    for (const { nsp, handshake } of this.#coming.values()) this.#joins(nsp, handshake.auth)
    this.#lookIfOver()
  }

  /** What is to be restored of a namespace. @returns undefined where it is the client that joins it */
  take(nsp: string): readonly [joined: Joined, data: unknown] | undefined {
    const joined = this.#coming.get(nsp)
    this.#coming.delete(nsp)
    return joined && [joined, this.#data[nsp]]
  }

  /** @returns whether its client is not told: it knows that it is there */
  hears({ nsp, type }: Packet): boolean {
    if (!this.#open.delete(nsp)) return false
    if (type === connect) this.#lookIfOver()
    else this.#refuse()
    return true
  }

  #joins(nsp: string, auth: unknown): void {
    const { _nsps: namespaces, encoder } = this.#io
    const join = (): void => {
      if (this.#conn.readyState !== 'open') return
      // As if its client had said it, whatever the parser: what it has said goes along, and no session is looked for.
      for (const part of encoder.encode({ type: connect, nsp, data: {} }))
        Reflect.apply(this.#emit, this.#conn, ['data', part])
    }
    if (namespaces.has(nsp)) return join()
    this.#io._checkNamespace(nsp, Object(auth), (found) => (found ? join() : this.#refuse()))
  }

  #lookIfOver(): void {
    if (this.#open.size > 0) return
    // Behind 'connection', where the app says what it listens to.
    process.nextTick(() => {
      const waiting = this.#waiting.splice(0)
      this.#end()
      this.#isThere()
      for (const [event, values] of waiting) this.#conn.emit(event, ...values)
    })
  }

  /** This release does not have it: it comes back as any other client, and is told why. */
  #refuse(): void {
    this.#end()
    this.#conn.close()
  }

  #end(): void {
    clearTimeout(this.#late)
    Reflect.deleteProperty(this.#conn, 'emit')
    this.#waiting.length = 0
    this.#over()
  }
}
