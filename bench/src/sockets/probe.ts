import WebSocket from 'ws'
import { backoff } from './client.js'

/** Says the next thing at each answer, so that it knows how long it was served by nobody. */
export class Probe {
  /** From the last answer of one process to the first of the next, in ms. */
  readonly gaps: number[] = []
  readonly #url: string
  #socket: WebSocket | undefined
  #pid = 0
  #n = 0
  #answeredAt = 0
  #ended = false

  constructor(port: number) {
    this.#url = `ws://127.0.0.1:${port}`
  }

  open(): void {
    const socket = new WebSocket(this.#url, { perMessageDeflate: false })
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('open', () => this.#say())
    socket.on('message', (data) => this.#hear(JSON.parse(String(data)) as Record<string, number>))
    socket.on('close', () => {
      if (!this.#ended) setTimeout(() => this.#ended || this.open(), backoff)
    })
  }

  end(): void {
    this.#ended = true
    this.#socket?.terminate()
  }

  #say(): void {
    this.#socket?.send(JSON.stringify({ n: ++this.#n }))
  }

  #hear({ n, pid = 0 }: Record<string, number>): void {
    if (n !== this.#n) return
    const now = performance.now()
    if (this.#pid !== 0 && pid !== this.#pid) this.gaps.push(now - this.#answeredAt)
    this.#pid = pid
    this.#answeredAt = now
    this.#say()
  }
}
