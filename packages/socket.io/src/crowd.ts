import type { ClosableSocket, SocketServer } from '@endlessjs/core'
import type { Conn, Engine } from './internals.js'

type Heard = (one: ClosableSocket) => void

/** All connections of Engine.IO, as those of a WebSocket server. */
export class Crowd implements SocketServer {
  readonly #engine: Engine
  readonly #members = new WeakMap<Conn, ClosableSocket>()
  readonly #heard = new Map<Heard, (conn: Conn) => void>()
  readonly #leaves: (conn: Conn) => void

  /** @param leaves called before one is told to come back */
  constructor(engine: Engine, leaves: (conn: Conn) => void) {
    this.#engine = engine
    this.#leaves = leaves
  }

  get clients(): Iterable<ClosableSocket> {
    return Object.values(this.#engine.clients).map((conn) => this.memberOf(conn))
  }

  /** Always the same one. */
  memberOf(conn: Conn): ClosableSocket {
    const known = this.#members.get(conn)
    if (known) return known
    // A client comes back by itself when its transport is closed, with whatever code; after a DISCONNECT it would not.
    const member: ClosableSocket = {
      close: () => {
        this.#leaves(conn)
        conn.close()
      },
    }
    this.#members.set(conn, member)
    return member
  }

  on(event: 'connection', listener: Heard): void {
    const heard = (conn: Conn): void => listener(this.memberOf(conn))
    this.#heard.set(listener, heard)
    this.#engine.on(event, heard)
  }

  off(event: 'connection', listener: Heard): void {
    const heard = this.#heard.get(listener)
    if (heard) this.#engine.off(event, heard)
    this.#heard.delete(listener)
  }
}
