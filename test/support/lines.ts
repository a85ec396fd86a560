import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Raw } from './raw.js'

/** What a line was answered with. */
export interface LineAnswer {
  readonly n: string
  /** How many lines of this client were answered, by whatever generation. */
  readonly total: number
  readonly pid: number
}

/** A client of test/fixtures/lines.js that is always waiting for an answer, until it is told to stop. */
export class LineClient {
  readonly answers: LineAnswer[] = []
  /** What went wrong; empty where nothing did. */
  readonly faults: string[] = []
  readonly #socket: Socket
  #text = ''
  #told: () => void = () => {}

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('utf8').on('data', (text: string) => this.#read(text))
    socket.on('error', (error) => this.faults.push(error.message))
    socket.on('close', () => {
      this.faults.push('closed')
      this.#told()
    })
  }

  static async connect(port: number): Promise<LineClient> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new LineClient(socket)
  }

  get isOpen(): boolean {
    return this.#socket.readyState === 'open'
  }

  /** Of a service that speaks it after an upgrade of HTTP. */
  static async upgrade(port: number, name: string): Promise<LineClient> {
    const raw = await Raw.open(port)
    raw.write(
      `GET /lines HTTP/1.1\r\nHost: x\r\nName: ${name}\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n`,
    )
    await raw.until((text) => text.endsWith('welcome 0 0\n'))
    return new LineClient(raw.socket.removeAllListeners('data'))
  }

  /** In two pieces: the second one comes when the first may have moved. */
  async ask(line: string, pause?: Promise<unknown>): Promise<LineAnswer> {
    const at = this.answers.length
    const cut = Math.floor(line.length / 2)
    this.#socket.write(line.slice(0, cut))
    await pause
    this.#socket.write(`${line.slice(cut)}\n`)
    while (this.answers.length === at) {
      if (!this.isOpen) throw new Error(`${line}: ${this.faults}`)
      await new Promise<void>((resolve) => {
        this.#told = resolve
      })
    }
    return this.answers[at] as LineAnswer
  }

  end(): void {
    this.#socket.destroy()
  }

  #read(text: string): void {
    const lines = (this.#text + text).split('\n')
    this.#text = lines.pop() ?? ''
    for (const line of lines) {
      const [n = '', total, pid] = line.split(' ')
      this.answers.push({ n, total: Number(total), pid: Number(pid) })
    }
    this.#told()
  }
}

/** Clients that ask one thing after the other until they are told to stop. */
export class LineCrowd {
  readonly clients: readonly LineClient[]
  #stopped = false
  readonly #done: Promise<unknown>

  /** @param before how many lines each has had answered */
  constructor(
    clients: readonly LineClient[],
    lineOf: (n: number, client: number) => string,
    before = 0,
  ) {
    this.clients = clients
    const run = async (client: LineClient, at: number): Promise<void> => {
      for (let n = 1; !this.#stopped; n++) {
        const { total, n: name } = await client.ask(lineOf(n, at))
        const [expected] = lineOf(n, at).split(' ')
        if (name !== expected || total !== n + before)
          client.faults.push(`expected ${expected} ${n}, received ${name} ${total}`)
      }
    }
    this.#done = Promise.all(clients.map(run))
    this.#done.catch(() => {})
  }

  /** @returns what went wrong */
  async stop(): Promise<string[]> {
    this.#stopped = true
    await this.#done
    return this.clients.flatMap(({ faults }) => faults)
  }
}
