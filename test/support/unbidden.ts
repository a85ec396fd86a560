import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'

/** Types of frames (RFC 9113, 6). */
const type = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, update: 8 } as const
const ack = 1
const endStream = 1
const endHeaders = 4
/** SETTINGS_ENABLE_PUSH of 0, as browsers and Go have it. */
const noPush = Buffer.from([0, 2, 0, 0, 0, 0])
/** HPACK of `:status: 200`, which Node writes first. */
const status200 = 0x88

/** What came of it: every request in one bucket. */
export interface UnbiddenReport {
  sent: number
  ok: number
  /** Above the last stream of a GOAWAY that had not come when they left. */
  refused: number
  /** Reset, cut, or not status 200: one line each. */
  failures: string[]
  sessions: number
  /** GOAWAYs that refuse nothing. */
  notices: number
  /** The others. */
  goaways: number
}

/**
 * An HTTP/2 client that begins requests of its own accord, answered or not. It reads and writes the frames
 * itself, because Node's own refuses by itself what it has queued when a GOAWAY comes. After a GOAWAY it
 * begins nothing more on that connection, and opens the next one.
 */
export class Unbidden {
  readonly report: UnbiddenReport = {
    sent: 0,
    ok: 0,
    refused: 0,
    failures: [],
    sessions: 0,
    notices: 0,
    goaways: 0,
  }
  readonly #port: number
  readonly #ca: string | Buffer
  readonly #done: Promise<unknown>
  stopped = false
  #watchers: (() => void)[] = []

  /** @param every so many ms at most between two requests of a connection, some of them in one turn */
  constructor(
    port: number,
    ca: string | Buffer,
    connections = 20,
    readonly every = 20,
  ) {
    this.#port = port
    this.#ca = ca
    this.#done = Promise.all(Array.from({ length: connections }, () => this.#run()))
  }

  /** Settles after that many further answers. */
  async progress(count: number): Promise<void> {
    const goal = this.report.ok + count
    while (this.report.ok < goal && this.report.failures.length === 0)
      await new Promise<void>((resolve) => this.#watchers.push(resolve))
  }

  async stop(): Promise<UnbiddenReport> {
    this.stopped = true
    await this.#done
    return this.report
  }

  answered(): void {
    this.report.ok++
    for (const watch of this.#watchers.splice(0)) watch()
  }

  failed(what: string): void {
    this.report.failures.push(what)
    for (const watch of this.#watchers.splice(0)) watch()
  }

  async #run(): Promise<void> {
    const ended: Promise<unknown>[] = []
    while (!this.stopped) {
      const socket = connect({
        port: this.#port,
        host: '127.0.0.1',
        servername: 'localhost',
        ca: this.#ca,
        ALPNProtocols: ['h2'],
      })
      await once(socket, 'secureConnect')
      const session = new Session(this, socket)
      ended.push(session.ended)
      await session.told
    }
    await Promise.all(ended)
  }
}

class Session {
  /** No request begins here any more. */
  readonly told: Promise<void>
  readonly ended: Promise<unknown>
  readonly #of: Unbidden
  readonly #socket: TLSSocket
  readonly #open = new Set<number>()
  #tell: () => void = () => {}
  #isTold = false
  #next = 1
  #read = Buffer.alloc(0)
  #timer: NodeJS.Timeout | undefined

  constructor(of: Unbidden, socket: TLSSocket) {
    this.#of = of
    this.#socket = socket
    of.report.sessions++
    this.told = new Promise((resolve) => {
      this.#tell = resolve
    })
    // Not `once`, which rejects over a write that came too late: what was cut is counted.
    this.ended = new Promise((resolve) => socket.once('close', resolve)).then(() => this.#closed())
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => this.#parse(chunk))
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    this.#write(type.settings, 0, 0, noPush)
    this.#begin()
  }

  #begin(): void {
    if (this.#of.stopped) this.#end()
    if (this.#isTold) return
    const id = this.#next
    this.#next += 2
    this.#open.add(id)
    this.#of.report.sent++
    this.#write(type.headers, endStream | endHeaders, id, get('/pid'))
    this.#timer = setTimeout(() => this.#begin(), Math.random() * 2 * this.#of.every)
  }

  #end(): void {
    this.#isTold = true
    this.#tell()
    clearTimeout(this.#timer)
    if (this.#open.size === 0) this.#socket.end()
  }

  #write(kind: number, flags: number, stream: number, payload: Buffer): void {
    const head = Buffer.alloc(9)
    head.writeUIntBE(payload.length, 0, 3)
    head[3] = kind
    head[4] = flags
    head.writeUInt32BE(stream, 5)
    if (this.#socket.writable) this.#socket.write(Buffer.concat([head, payload]))
  }

  #parse(chunk: Buffer): void {
    this.#read = Buffer.concat([this.#read, chunk])
    while (this.#read.length >= 9) {
      const length = this.#read.readUIntBE(0, 3)
      if (this.#read.length < 9 + length) return
      const [kind = 0, flags = 0] = this.#read.subarray(3, 5)
      const stream = this.#read.readUInt32BE(5)
      const payload = this.#read.subarray(9, 9 + length)
      this.#read = this.#read.subarray(9 + length)
      this.#heard(kind, flags, stream, payload)
    }
  }

  #heard(kind: number, flags: number, stream: number, payload: Buffer): void {
    const isAck = (flags & ack) !== 0
    if (kind === type.settings && !isAck) this.#write(type.settings, ack, 0, Buffer.alloc(0))
    if (kind === type.ping && !isAck) this.#write(type.ping, ack, 0, payload)
    if (kind === type.goaway) this.#goaway(payload.readUInt32BE(0))
    if (kind === type.reset) this.#over(stream, `reset, code ${payload.readUInt32BE(0)}`)
    if (kind === type.headers && payload[0] !== status200) this.#over(stream, 'not status 200')
    if (kind === type.data && length(payload) > 0) {
      const size = Buffer.alloc(4)
      size.writeUInt32BE(payload.length)
      this.#write(type.update, 0, 0, size)
    }
    if ((kind === type.headers || kind === type.data) && flags & endStream) this.#over(stream)
  }

  #goaway(last: number): void {
    const { report } = this.#of
    if (last === 2 ** 31 - 1) report.notices++
    else report.goaways++
    for (const id of this.#open)
      if (id > last) {
        report.refused++
        this.#open.delete(id)
      }
    this.#end()
  }

  #over(stream: number, failure?: string): void {
    if (!this.#open.delete(stream)) return
    if (failure) this.#of.failed(failure)
    else this.#of.answered()
    if (this.#isTold) this.#end()
  }

  #closed(): void {
    this.#end()
    for (const id of this.#open) this.#of.failed(`stream ${id} was cut`)
  }
}

function length(payload: Buffer): number {
  return payload.length
}

/** A block of header fields: indexed, and literals without indexing (RFC 7541, 6). */
function get(path: string): Buffer {
  const [authority, asked] = [Buffer.from('localhost'), Buffer.from(path)]
  return Buffer.concat([
    Buffer.from([0x82, 0x87, 0x01, authority.length]),
    authority,
    Buffer.from([0x04, asked.length]),
    asked,
  ])
}
