import { setTimeout as delay } from 'node:timers/promises'
import { Manager, type Socket } from 'socket.io-client'

/** How a client is. */
export interface SocketIOOptions {
  /** By default as a browser: it polls, and then asks for a WebSocket. */
  readonly transports?: readonly string[]
  readonly namespaces?: readonly string[]
  /** Between two things that it says, in ms. */
  readonly pause?: number
  /** How long its answers take over there, in ms. */
  readonly ms?: number
  /** Of a binary message, beside the others. */
  readonly bytes?: number
  readonly deflate?: boolean
  readonly room?: string
}

interface Answer {
  readonly n: number
  readonly total: number
  readonly pid: number
}

/** What test/fixtures/socketio.js has counted of one. */
interface Sums {
  readonly total: number
  readonly pushed: number
  readonly acked: number
  readonly rooms: readonly string[]
  /** The id of its connection, of all namespaces. */
  readonly engine: string
  readonly pid: number
}

const between = (least: number, n: number, most: number): boolean => least <= n && n <= most

/** A client in one namespace, which holds everything that it hears against what it has to be. */
class Member {
  readonly socket: Socket
  /** As it was at first. */
  id = ''
  /** Settles when it is there. */
  readonly joined: Promise<void>
  /** All that came to its rooms. */
  readonly news: string[] = []
  pid = 0
  readonly #faults: string[]
  #pushed = 0
  #asked = 0
  #told = 0
  #heard = 0
  #acked = 0

  constructor(socket: Socket, faults: string[]) {
    this.socket = socket
    this.#faults = faults
    const fault = (text: string) => (): void => void faults.push(`${this.id}: ${text}`)
    this.joined = new Promise((resolve, reject) => {
      socket.once('connect', () => {
        this.id = socket.id ?? ''
        socket.on('connect', fault('connected again'))
        resolve()
      })
      socket.once('connect_error', reject)
    })
    socket.on('connect_error', (error) => fault(`connect_error ${error.message}`)())
    socket.on('disconnect', (reason) => fault(`disconnected: ${reason}`)())
    socket.on('push', (n: number, ack?: (n: number) => void) => this.#push(n, ack))
    socket.on('told', (n: number) => {
      if (n !== ++this.#heard) fault(`told ${n}, expected ${this.#heard}`)()
    })
    socket.on('news', (text: string) => this.news.push(text))
  }

  #push(n: number, ack: unknown): void {
    if (n !== ++this.#pushed) this.#faults.push(`push ${n}, expected ${this.#pushed}`)
    this.#pushed = n
    if (typeof ack !== 'function') return
    this.#acked++
    ack(n)
  }

  /** Says all that it can, and waits for the answers. */
  async talk({ ms = 0, bytes = 0 }: SocketIOOptions): Promise<void> {
    const n = ++this.#asked
    let answers = 0
    const answered = new Promise<Answer | undefined>((resolve) => {
      this.socket.once('disconnect', () => resolve(undefined))
      this.socket.emit('ask', n, ms, (answer: Answer) => {
        if (++answers > 1) this.#faults.push(`answer ${n} came twice`)
        resolve(answer)
      })
    })
    this.socket.emit('tell', ++this.#told)
    const sent = Buffer.alloc(bytes, n)
    const blob = bytes > 0 ? this.#ask('blob', sent) : Promise.resolve(sent)
    const answer = await answered
    if (!answer) return
    if (answer.n !== n || answer.total !== n)
      this.#faults.push(`answer ${answer.n}, total ${answer.total}, expected ${n}`)
    this.pid = answer.pid
    const came = await blob
    if (!(came instanceof Buffer && sent.equals(came))) this.#faults.push(`other bytes at ${n}`)
  }

  /** Undefined where it is disconnected meanwhile: that is a fault already. */
  async #ask(event: string, ...values: unknown[]): Promise<unknown> {
    return this.socket.emitWithAck(event, ...values).catch(() => undefined)
  }

  /** Whether both have counted the same. */
  async check(): Promise<Sums> {
    const [pushed, acked] = [this.#pushed, this.#acked]
    const sums = (await this.#ask('sums')) as Sums
    // In their order: what was answered before is there before the question, and what was pushed before the answer.
    const areRight =
      between(pushed, sums.pushed, this.#pushed) && between(acked, sums.acked, this.#acked)
    if (!areRight)
      this.#faults.push(`${JSON.stringify(sums)} of ${this.#pushed} and ${this.#acked}`)
    if (this.#heard !== this.#told) this.#faults.push(`${this.#told} told, ${this.#heard} heard`)
    const engine = this.socket.io.engine.id
    if (sums.engine !== engine) this.#faults.push(`${sums.engine} of ${engine}`)
    if (this.socket.id !== this.id) this.#faults.push(`${this.socket.id} was ${this.id}`)
    return sums
  }
}

/** A client of Socket.IO in all of its namespaces. */
export class SocketIOClient {
  readonly faults: string[] = []
  readonly members: readonly Member[]
  readonly manager: Manager
  readonly #options: SocketIOOptions
  #stopped = false
  #running: Promise<unknown> = Promise.resolve()

  private constructor(manager: Manager, sockets: readonly Socket[], options: SocketIOOptions) {
    this.manager = manager
    this.#options = options
    this.members = sockets.map((socket) => new Member(socket, this.faults))
  }

  static async connect(
    port: number,
    who: string,
    options: SocketIOOptions = {},
  ): Promise<SocketIOClient> {
    const { transports = ['polling', 'websocket'], namespaces = ['/'], room = 'a' } = options
    const manager = new Manager(`http://127.0.0.1:${port}`, {
      transports: [...transports],
      query: { who },
      reconnectionDelay: 10,
      reconnectionDelayMax: 50,
      perMessageDeflate: options.deflate === true ? { threshold: 0 } : { threshold: 1e9 },
      autoConnect: false,
    })
    const sockets = namespaces.map((name) =>
      manager.socket(name, { auth: { name: `n${who}`, room } }),
    )
    const client = new SocketIOClient(manager, sockets, options)
    for (const socket of sockets) socket.connect()
    await Promise.all(client.members.map(({ joined }) => joined))
    if (transports.includes('websocket') && manager.engine.transport.name !== 'websocket')
      await new Promise((resolve) => manager.engine.once('upgrade', resolve))
    manager.engine.on('handshake', () => client.faults.push('another open packet'))
    return client
  }

  get pids(): readonly number[] {
    return this.members.map(({ pid }) => pid)
  }

  /** Says things until it is stopped. */
  talk(): void {
    this.#stopped = false
    this.#running = Promise.all(this.members.map((one) => this.#run(one)))
  }

  async #run(member: Member): Promise<void> {
    const { pause = 5 } = this.#options
    while (!this.#stopped && member.socket.connected) {
      await member.talk(this.#options)
      await delay(pause)
    }
  }

  /** @returns what went wrong */
  async stop(): Promise<readonly string[]> {
    this.#stopped = true
    await this.#running
    if (this.faults.length === 0) await Promise.all(this.members.map((one) => one.check()))
    return this.faults
  }

  end(): void {
    for (const { socket } of this.members) socket.removeAllListeners()
    this.manager._close()
  }
}
