import type { Socket as Connection } from 'node:net'
import type { Duplex } from 'node:stream'
import { arrived, baggageOf, carried } from '@endlessjs/core'
import { type Inside, termsOf, tryToCarry, type Window, windowOf } from '@endlessjs/ws/inside'
import { Adoption } from './adoption.js'
import { Arrivals } from './arrivals.js'
import type {
  Conn,
  Engine,
  EngineRequest,
  InsideServer,
  Namespace,
  Socket,
  Transport,
} from './internals.js'
import { type Luggage, unpack } from './luggage.js'
import { mark } from './offsets.js'
import { Passenger } from './passenger.js'
import { directly, muted, withId } from './replayed.js'
import { strangenessOfClient } from './understands.js'

/** A WebSocket of which Engine.IO has not said yet whose it is. */
interface Comer {
  readonly request: EngineRequest
  readonly window: Window | undefined
  /** From the predecessor. */
  readonly was: Luggage | undefined
  /** Lets it speak, where it was not to. */
  readonly speak: () => void
}

/** What a gate tells. */
export interface Watch {
  /** Whether one has to stay for now, beside what is known here. */
  busy(socket: Socket): boolean
  /** There is this namespace. @returns called when nobody asks any more */
  opens(nsp: Namespace): () => void
  /** A client is not what is known: it stays. */
  strange(why: string): void
  /** This one moves, on that connection. */
  moves(conn: Conn, connection: Connection): void
  /** The successor has it. */
  gone(socket: Socket): void
}

/** By which all connections of a server come, and those that move go. */
export class Gate {
  readonly arrivals: Arrivals = new Arrivals()
  readonly #io: InsideServer
  readonly #engine: Engine
  readonly #watch: Watch
  readonly #comers = new WeakMap<Inside, Comer>()
  readonly #passengers = new WeakMap<Conn, Passenger>()
  readonly #undos: (() => void)[] = []

  constructor(io: InsideServer, watch: Watch) {
    this.#io = io
    this.#engine = io.engine
    this.#watch = watch
    this.#hearEngine()
    for (const nsp of io._nsps.values()) this.#hearNamespace(nsp)
    const made = (nsp: Namespace): void => this.#hearNamespace(nsp)
    io.sockets.on('new_namespace', made)
    this.#undos.push(() => io.sockets.off('new_namespace', made))
  }

  /** What is known of one; undefined of one that came before us. */
  passengerOf(conn: Conn): Passenger | undefined {
    return this.#passengers.get(conn)
  }

  /** From here on nobody is asked. */
  close(): void {
    for (const undo of this.#undos) undo()
  }

  #hearEngine(): void {
    const engine = this.#engine
    const { onWebSocket: real } = engine
    engine.onWebSocket = (request, socket, websocket) =>
      this.#comes(request, websocket, (): void =>
        Reflect.apply(real, engine, [request, socket, websocket] satisfies [
          EngineRequest,
          Duplex,
          Inside,
        ]),
      )
    const first = (conn: Conn): void => this.#meet(conn)
    const last = (conn: Conn): void => this.#passengers.get(conn)?.adoption?.begin()
    // Before Socket.IO hears of it, and when it knows it.
    engine.prependListener('connection', first)
    engine.on('connection', last)
    this.#undos.push(this.arrivals.watch(engine), () => {
      Reflect.deleteProperty(engine, 'onWebSocket')
      engine.off('connection', first)
      engine.off('connection', last)
    })
  }

  #hearNamespace(nsp: Namespace): void {
    const { _createSocket: real } = nsp
    nsp._createSocket = async (client, auth) => {
      const passenger = this.#passengers.get(client.conn)
      const came = passenger?.adoption?.take(nsp.name)
      const socket = await Reflect.apply(real, nsp, [client, auth])
      if (came) {
        const [joined, data] = came
        unpack(socket, joined, data)
        if (joined.offset !== undefined) mark(socket, joined.offset)
      }
      if (passenger && this.#isKnown(socket)) passenger.joins(socket)
      else if (passenger) passenger.isStrange = true
      return socket
    }
    this.#undos.push(this.#watch.opens(nsp), () => {
      Reflect.deleteProperty(nsp, '_createSocket')
    })
  }

  #isKnown(socket: Socket): boolean {
    const strangeness = strangenessOfClient(socket)
    if (strangeness !== undefined) this.#watch.strange(strangeness)
    return strangeness === undefined
  }

  #comes(request: EngineRequest, websocket: Inside, proceed: () => void): void {
    const was = baggageOf<Luggage>(request)
    const window = windowOf(websocket, was?.window ? Buffer.from(was.window, 'base64') : undefined)
    if (!was) {
      this.#comers.set(websocket, { request, window, was, speak: () => {} })
      return proceed()
    }
    if (!this.#suits(was, websocket)) return websocket.close(1012, 'service restart')
    this.#comers.set(websocket, { request, window, was, speak: muted(websocket) })
    withId(this.#engine, was.id, proceed)
  }

  /** Whether its client would notice nothing, by what it was told by another release. */
  #suits({ terms, patience }: Luggage, websocket: Inside): boolean {
    return terms === termsOf(websocket) && this.#engine.opts.pingInterval < patience
  }

  #meet(conn: Conn): void {
    const passenger = new Passenger(this.#engine, conn)
    this.#passengers.set(conn, passenger)
    const { socket } = conn.transport
    if (socket) return this.#board(passenger, socket)
    conn.once('upgrade', (transport: Transport) => {
      if (transport.socket) this.#board(passenger, transport.socket)
    })
  }

  /** It has a WebSocket. */
  #board(passenger: Passenger, websocket: Inside): void {
    const { conn } = passenger
    const comer = this.#comers.get(websocket)
    if (!comer) return
    const { request, was, window, speak } = comer
    passenger.websocket = websocket
    passenger.connection = request.socket
    passenger.window = window
    if (was) {
      // What its client heard at its first handshake.
      conn.writeBuffer.length = 0
      passenger.patience = was.patience
      passenger.adoption = new Adoption(
        this.#io,
        conn,
        was,
        Object(carried(request)),
        // What channels said while it was on its way comes before anything else.
        () => arrived(request.socket, conn),
        () => {
          passenger.adoption = undefined
          this.arrivals.over(request.socket)
        },
      )
      speak()
    }
    // With Engine.IO 3 it is the client that pings.
    if (conn.protocol === 4 && this.#carry(passenger, request))
      this.#watch.moves(conn, request.socket)
  }

  /** @returns whether it can move */
  #carry(passenger: Passenger, request: EngineRequest): boolean {
    return tryToCarry(directly(request), {
      busy: () => passenger.isBusy || this.#isHeld(passenger),
      awaits: () => passenger.awaits,
      state: () => passenger.data,
      baggage: () => passenger.pack(),
      gone: () => {
        for (const socket of passenger.leave()) this.#watch.gone(socket)
      },
    })
  }

  #isHeld({ client }: Passenger): boolean {
    return client ? [...client.sockets.values()].some((one) => this.#watch.busy(one)) : false
  }
}
