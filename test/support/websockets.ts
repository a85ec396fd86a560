import { once } from 'node:events'
import WebSocket from 'ws'

/** What test/fixtures/websockets.js says. */
interface Said {
  readonly n?: number
  readonly total?: number
  readonly pid?: number
  readonly push?: number
}

/** How a client is. */
export interface ClientOptions {
  readonly deflate?: boolean
  /** Before each message, in ms, by how many it has said. */
  readonly pause?: (n: number) => number
  /** How long its answers take over there, in ms. */
  readonly ms?: (n: number) => number
  readonly protocols?: readonly string[]
  /** How much it says beside that, in bytes. */
  readonly bytes?: number
}

/**
 * A client that says one thing after the other without waiting for answers, and holds everything that it hears
 * against what it has to be.
 */
export class WebSocketClient {
  /** What went wrong; empty where nothing did. */
  readonly faults: string[] = []
  /** Who answered, in the order of their first answer. */
  readonly pids: number[] = []
  readonly delays: number[] = []
  readonly socket: WebSocket
  closed: { readonly code: number; readonly reason: string } | undefined
  #pushed = 0
  #total = 0
  readonly #asked: (readonly [n: number, at: number])[] = []
  #stopped = false
  #running: Promise<void> = Promise.resolve()
  readonly #options: ClientOptions
  #told: () => void = () => {}
  #wake: () => void = () => {}

  private constructor(socket: WebSocket, options: ClientOptions) {
    this.socket = socket
    this.#options = options
    socket.on('message', (data) => this.#hear(JSON.parse(String(data)) as Said))
    socket.on('error', (error) => this.faults.push(error.message))
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) }
      this.#told()
    })
  }

  static async connect(
    port: number,
    name: string,
    options: ClientOptions = {},
  ): Promise<WebSocketClient> {
    const protocols = [...(options.protocols ?? [])]
    const socket = new WebSocket(`ws://127.0.0.1:${port}/${name}`, protocols, {
      perMessageDeflate: options.deflate === true ? { threshold: 0 } : false,
    })
    const client = new WebSocketClient(socket, options)
    await once(socket, 'open')
    return client
  }

  get answers(): number {
    return this.#total
  }

  /** Says one thing more, and waits for the answer. @returns who gave it; undefined where it is closed before that */
  async ask(): Promise<number | undefined> {
    if (this.closed) return undefined
    this.#say(1)
    await this.#answered()
    return this.#asked.length > 0 ? undefined : this.pids.at(-1)
  }

  /** Says things until it is stopped. */
  talk(): void {
    this.#stopped = false
    this.#running = this.#run()
  }

  /** Settles when everything that it has said is answered. */
  async pause(): Promise<void> {
    this.#stopped = true
    this.#wake()
    await this.#running
    await this.#answered()
  }

  async #answered(): Promise<void> {
    while (this.#asked.length > 0 && !this.closed)
      await new Promise<void>((resolve) => {
        this.#told = resolve
      })
  }

  /** Something by hand, whose answer is not held against anything but its order. */
  send(text: string, { fin }: { readonly fin: boolean }): void {
    if (fin) this.#asked.push([1, performance.now()])
    this.socket.send(text, { fin })
  }

  async #run(): Promise<void> {
    const { pause = () => 5 } = this.#options
    for (let n = 1; !this.#stopped && !this.closed; n++) {
      this.#say(n)
      await new Promise<void>((done) => {
        const timer = setTimeout(done, pause(n))
        this.#wake = () => {
          clearTimeout(timer)
          done()
        }
      })
    }
  }

  #say(n: number): void {
    const { ms = () => 0, bytes = 0 } = this.#options
    this.#asked.push([n, performance.now()])
    this.socket.send(JSON.stringify({ n, ms: ms(n), padding: 'y'.repeat(bytes) + n }))
  }

  /** As {@link WebSocketClient.pause}. @returns what went wrong */
  async stop(): Promise<readonly string[]> {
    await this.pause()
    if (this.closed) this.faults.push(`closed with ${this.closed.code} ${this.closed.reason}`)
    return this.faults
  }

  end(): void {
    this.socket.terminate()
  }

  #hear({ n, total = 0, pid = 0, push }: Said): void {
    if (push !== undefined) {
      if (push !== this.#pushed + 1) this.faults.push(`push ${push} after ${this.#pushed}`)
      this.#pushed = push
      return
    }
    const [asked, at] = this.#asked.shift() ?? [0, 0]
    if (n !== asked) this.faults.push(`answer ${n}, expected ${asked}`)
    if (total !== this.#total + 1) this.faults.push(`total ${total} after ${this.#total}`)
    this.#total = total
    this.delays.push(performance.now() - at)
    if (!this.pids.includes(pid)) this.pids.push(pid)
    else if (this.pids.at(-1) !== pid) this.faults.push(`${pid} after ${this.pids.at(-1)}`)
    this.#told()
  }
}
