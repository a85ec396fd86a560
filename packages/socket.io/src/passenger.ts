import type { Socket as Connection } from 'node:net'
import { isLeaving } from '@endlessjs/core'
import type { Inside, Window } from '@endlessjs/ws/inside'
import { isStill, setGone, termsOf } from '@endlessjs/ws/inside'
import type { Adoption } from './adoption.js'
import { Tally, tallyOf } from './handlers.js'
import {
  type Client,
  type Conn,
  connect,
  connectError,
  type Engine,
  forget,
  isAnswered,
  isQuiet,
  type Socket,
} from './internals.js'
import { dataOf, joinedBy, type Luggage } from './luggage.js'

/** What is known of a connection of Engine.IO, beside what Engine.IO and Socket.IO know themselves. */
export class Passenger {
  readonly conn: Conn
  /** By which it can move. */
  websocket: Inside | undefined
  window: Window | undefined
  /** Told to a client of another release, where it came from one. */
  patience: number
  /** As long as not all of what it brought is restored. */
  adoption: Adoption | undefined
  client: Client | undefined
  /** It is not what we know: it stays. */
  isStrange = false
  /** On which it came. */
  connection: Connection | undefined
  readonly #engine: Engine
  readonly #tally = new Tally()
  /** Namespaces that it has asked for, and not been told about yet. */
  readonly #joining = new Set<string>()

  constructor(engine: Engine, conn: Conn) {
    this.#engine = engine
    this.conn = conn
    const { pingInterval, pingTimeout } = engine.opts
    this.patience = pingInterval + pingTimeout
  }

  /** What the successor has to know was said: what is written now may reach nobody. Not where it stays after all. */
  get isPacked(): boolean {
    return this.connection !== undefined && isLeaving(this.connection)
  }

  /** Whether it has to stay for now. One that has joined nothing yet is about to. */
  get isBusy(): boolean {
    const { conn, client, websocket } = this
    if (!client || !websocket || this.adoption || this.isStrange) return true
    if (this.#joining.size > 0) return true
    const { running, owed } = this.#tally
    return running + owed > 0 || !isQuiet(conn) || !isAnswered(client) || !isStill(websocket)
  }

  /** Whether there is something that only its client can bring to an end. */
  get awaits(): boolean {
    return this.client !== undefined && !isAnswered(this.client)
  }

  /** It joins a namespace. */
  joins(socket: Socket): void {
    if (!this.client) this.#meet(socket.client, socket.nsp.name)
    tallyOf(socket, this.#tally)
  }

  /** What the successor has to know; not called before there is a client. */
  pack(): Luggage {
    const { conn, client, websocket, window, patience } = this
    return {
      terms: websocket ? termsOf(websocket) : '',
      ...(window && { window: window.bytes.toString('base64') }),
      id: conn.id,
      patience,
      joined: client ? joinedBy(client) : [],
    }
  }

  get data(): Record<string, unknown> {
    return this.client ? dataOf(this.client) : {}
  }

  /** The successor has it. @returns its sockets, as they were */
  leave(): readonly Socket[] {
    const sockets = [...(this.client?.sockets.values() ?? [])]
    if (this.client) forget(this.#engine, this.conn, this.client)
    if (this.websocket) setGone(this.websocket, new Set())
    return sockets
  }

  /** Hears what it asks for, and what it is told. */
  #meet(client: Client, name: string): void {
    this.client = client
    this.#joining.add(name)
    const { connect: join, _packet: say } = client
    client.connect = (nsp, auth) => {
      this.#joining.add(nsp)
      Reflect.apply(join, client, [nsp, auth])
    }
    client._packet = (packet, options) => {
      const isAnswer = packet.type === connect || packet.type === connectError
      if (isAnswer) this.#joining.delete(packet.nsp)
      if (isAnswer && this.adoption?.hears(packet)) return
      Reflect.apply(say, client, [packet, options])
    }
  }
}
