import { channel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from 'node:net'
import type { Handle } from '../../node/index.js'

const requestStart = channel('http.server.request.start')

/** One of the fds of a connection. */
export class FakeHandle implements Handle {
  readonly fd = 20
  readonly wire: Wire | undefined
  /** By which it has come to the successor. */
  readonly offer: number
  /** As Node notes it: whether the socket wants to read. It does. */
  readonly reading = true
  /** Whether the kernel is read from. */
  reads = true
  closed = false
  /** Told of each end of a freeze. */
  thawed: () => void = () => {}

  constructor(wire?: Wire, offer = -1) {
    this.wire = wire
    this.offer = offer
  }

  listen(): number {
    return -1
  }

  readStop(): number {
    this.reads = false
    return 0
  }

  readStart(): number {
    this.reads = true
    this.thawed()
    return 0
  }

  close(): void {
    this.closed = true
  }
}

/** As much of a socket of http's as a migration looks at, without a byte. */
export class FakeSocket extends EventEmitter {
  readonly _handle: FakeHandle
  readonly writableLength = 0
  readonly bytesRead = 1
  /** Half a request has come. */
  isPartial = false
  destroyed = false
  timeout: number | undefined = 5_000
  readonly parser = { finish: (): unknown => (this.isPartial ? new Error('partial') : undefined) }
  readonly #responses: ServerResponse[] = []
  /** Told of the end of it here. */
  gone: () => void = () => {}

  constructor(handle: FakeHandle) {
    super()
    this._handle = handle
  }

  get readyState(): string {
    return this.destroyed ? 'closed' : 'open'
  }

  get isReading(): boolean {
    return !this.destroyed && this._handle.reads
  }

  /** The response whose turn it is, where Node keeps it. */
  get _httpMessage(): ServerResponse | undefined {
    return this.#responses[0]
  }

  get isBusy(): boolean {
    return this.#responses.length > 0
  }

  setTimeout(ms: number): this {
    this.timeout = ms
    return this
  }

  /** A request has come. */
  ask(): void {
    const request = {
      method: 'GET',
      url: '/',
      httpVersionMajor: 1,
      httpVersionMinor: 1,
    } as IncomingMessage
    const response = new ServerResponse(request)
    this.#responses.push(response)
    requestStart.publish({ request, response, socket: this })
  }

  /** The oldest response has ended. */
  answer(): void {
    this.#responses.shift()?.emit('close')
  }

  destroy(): this {
    if (this.destroyed) return this
    this.destroyed = true
    this._handle.close()
    this.gone()
    process.nextTick(() => this.emit('close'))
    return this
  }
}

/** A connection, and who has it. */
export class Wire {
  readonly here: FakeSocket = new FakeSocket(new FakeHandle(this))
  there: FakeSocket | undefined
  /** Its fds at the successor. */
  readonly copies: FakeHandle[] = []
  /** Of its offers, oldest first. */
  readonly offers: number[] = []
  /** Offers that failed, were refused, lost their handle, or were taken back. */
  readonly void = new Set<number>()
  readonly told = new Set<number>()
  closedByClient = false
  movedByUs = false

  constructor(readonly name: string) {}

  /** It was said. */
  get isTheirs(): boolean {
    return this.told.has(this.offers.at(-1) ?? -1)
  }

  /** Its fd at the successor. */
  copy(offer: number): FakeHandle {
    const handle = new FakeHandle(this, offer)
    this.copies.push(handle)
    return handle
  }

  /** We die, and our fd with us. */
  die(): void {
    this.here.destroy()
  }
}

/** A server that makes sockets of handles: `accepted` is told of each. */
export function fakeServer(
  accepted: (socket: FakeSocket, handle: FakeHandle) => void = () => {},
): Server {
  const server = new EventEmitter()
  const onconnection = (_: number, handle: FakeHandle): void => {
    const socket = new FakeSocket(handle)
    accepted(socket, handle)
    server.emit('connection', socket)
  }
  return Object.assign(server, {
    closeIdleConnections: () => {},
    maxConnections: 0,
    _handle: { onconnection },
  }) as unknown as Server
}
