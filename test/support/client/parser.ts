export interface Message {
  status: number
  headers: Record<string, string>
  body: Buffer
  /** A 1xx that announces another response to the same request. */
  interim: boolean
  /** The connection carries no further response. */
  close: boolean
  /** Bytes on the wire. */
  size: number
}

/** The peer does not speak HTTP/1.x as it should. */
export class Malformed extends Error {}

type State = 'head' | 'sized' | 'until-close' | 'chunk-size' | 'chunk-data' | 'trailers' | 'done'

const EMPTY = Buffer.alloc(0)
const HEAD_LIMIT = 65_536
const LINE_LIMIT = 8_192
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: .*)?$/
const HEADER_LINE = /^([\w!#$%&'*+.^`|~-]+):[ \t]*(.*?)[ \t]*$/
const CHUNK_SIZE = /^([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?$/
const CLOSE = /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i
const KEEP_ALIVE = /(?:^|,)[ \t]*keep-alive[ \t]*(?:,|$)/i

/** Turns the bytes of one connection into responses: `push` a chunk, then `next` until nothing. */
export class ResponseParser {
  readonly #toHead: boolean
  #buffer: Buffer = EMPTY
  #at = 0
  #state: State = 'head'
  #message: Message = blank()
  #parts: Buffer[] = []
  #left = 0
  #received = 0

  /** `toHead`: the responses answer HEAD requests, so none has a body. */
  constructor(toHead: boolean) {
    this.#toHead = toHead
  }

  /** Bytes that came in after the last response that `next` returned. */
  get received(): number {
    return this.#received
  }

  /** The head of a response that is not interim has come in, its body has not. */
  get inBody(): boolean {
    return this.#state !== 'head'
  }

  push(chunk: Buffer): void {
    const rest = this.#buffer.length - this.#at
    this.#buffer = rest === 0 ? chunk : Buffer.concat([this.#buffer.subarray(this.#at), chunk])
    this.#at = 0
    this.#received += chunk.length
  }

  next(): Message | undefined {
    while (this.#step()) {
      if (this.#state === 'done') return this.#take()
    }
    return undefined
  }

  /** The peer has closed cleanly, which is what completes a response without a length. */
  end(): Message | undefined {
    return this.#state === 'until-close' ? this.#take() : undefined
  }

  /** One state further; false when that takes more bytes. */
  #step(): boolean {
    switch (this.#state) {
      case 'head':
        return this.#readHead()
      case 'sized':
        return this.#readSized()
      case 'until-close':
        this.#collect(this.#buffer.length - this.#at)
        return false
      case 'chunk-size':
        return this.#readChunkSize()
      case 'chunk-data':
        return this.#readChunkData()
      case 'trailers':
        return this.#readTrailer()
      case 'done':
        return false
    }
  }

  #readHead(): boolean {
    const end = this.#buffer.indexOf('\r\n\r\n', this.#at, 'latin1')
    if ((end < 0 ? this.#buffer.length : end) - this.#at > HEAD_LIMIT) {
      throw new Malformed(`a head of more than ${HEAD_LIMIT} bytes`)
    }
    if (end < 0) return false
    const [statusLine = '', ...lines] = this.#buffer.toString('latin1', this.#at, end).split('\r\n')
    this.#at = end + 4
    const matched = STATUS_LINE.exec(statusLine)
    if (!matched) throw new Malformed(`status line ${excerpt(statusLine)}`)
    const status = Number(matched[2])
    const headers = parseHeaders(lines)
    const connection = headers.connection ?? ''
    this.#message.status = status
    this.#message.headers = headers
    this.#message.interim = status < 200 && status !== 101
    this.#message.close = matched[1] === '0' ? !KEEP_ALIVE.test(connection) : CLOSE.test(connection)
    this.#state = this.#framing(status, headers)
    return true
  }

  #framing(status: number, headers: Record<string, string>): State {
    const length = headers['content-length']
    const coding = headers['transfer-encoding']
    if (status < 200 || status === 204 || status === 304 || this.#toHead) return 'done'
    if (coding !== undefined) {
      if (length !== undefined) throw new Malformed('both transfer-encoding and content-length')
      if (coding.toLowerCase() !== 'chunked') throw new Malformed(`transfer-encoding ${coding}`)
      return 'chunk-size'
    }
    if (length === undefined) {
      this.#message.close = true
      return 'until-close'
    }
    if (!/^\d{1,15}$/.test(length)) throw new Malformed(`content-length ${excerpt(length)}`)
    this.#left = Number(length)
    return this.#left === 0 ? 'done' : 'sized'
  }

  #readSized(): boolean {
    this.#collect(this.#left)
    if (this.#left > 0) return false
    this.#state = 'done'
    return true
  }

  #readChunkSize(): boolean {
    const line = this.#line()
    if (line === undefined) return false
    const size = CHUNK_SIZE.exec(line)?.[1]
    if (size === undefined) throw new Malformed(`chunk size ${excerpt(line)}`)
    this.#left = Number.parseInt(size, 16)
    this.#state = this.#left === 0 ? 'trailers' : 'chunk-data'
    return true
  }

  #readChunkData(): boolean {
    this.#collect(this.#left)
    if (this.#left > 0) return false
    const line = this.#line()
    if (line === undefined) return false
    if (line !== '') throw new Malformed(`after a chunk ${excerpt(line)}`)
    this.#state = 'chunk-size'
    return true
  }

  #readTrailer(): boolean {
    const line = this.#line()
    if (line === undefined) return false
    if (line === '') this.#state = 'done'
    else if (!HEADER_LINE.test(line)) throw new Malformed(`trailer ${excerpt(line)}`)
    return true
  }

  /** Moves at most `length` of the bytes at hand to the body. */
  #collect(length: number): void {
    const taken = Math.min(length, this.#buffer.length - this.#at)
    if (taken === 0) return
    this.#parts.push(this.#buffer.subarray(this.#at, this.#at + taken))
    this.#at += taken
    this.#left -= taken
  }

  #line(): string | undefined {
    const end = this.#buffer.indexOf('\r\n', this.#at, 'latin1')
    if ((end < 0 ? this.#buffer.length : end) - this.#at > LINE_LIMIT) {
      throw new Malformed(`a line of more than ${LINE_LIMIT} bytes`)
    }
    if (end < 0) return undefined
    const line = this.#buffer.toString('latin1', this.#at, end)
    this.#at = end + 2
    return line
  }

  #take(): Message {
    const message = this.#message
    const rest = this.#buffer.length - this.#at
    const [only = EMPTY] = this.#parts
    message.body = this.#parts.length > 1 ? Buffer.concat(this.#parts) : only
    message.size = this.#received - rest
    this.#message = blank()
    this.#parts = []
    this.#received = rest
    this.#state = 'head'
    return message
  }
}

function blank(): Message {
  return { status: 0, headers: {}, body: EMPTY, interim: false, close: false, size: 0 }
}

function parseHeaders(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const [, name, value = ''] = HEADER_LINE.exec(line) ?? []
    if (name === undefined) throw new Malformed(`header ${excerpt(line)}`)
    const key = name.toLowerCase()
    const before = headers[key]
    headers[key] = before === undefined ? value : `${before}, ${value}`
  }
  return headers
}

function excerpt(text: string): string {
  return JSON.stringify(text.slice(0, 60))
}
