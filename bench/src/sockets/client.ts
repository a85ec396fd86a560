import WebSocket from 'ws'

/** What all clients have seen so far. */
export interface Seen {
  closed: number
  /** Said, and never answered. */
  lost: number
  /** Started anew at the server, which had known of them. */
  forgotten: number
  /** Pushed to them while they were not there. */
  missed: number
  readonly echoes: { readonly at: number; readonly ms: number }[]
}

export function nothing(): Seen {
  return { closed: 0, lost: 0, forgotten: 0, missed: 0, echoes: [] }
}

/** Between two messages of one client, in ms. */
const pause = 500
/** Before it comes back, as clients of browsers have it at best, in ms. */
export const backoff = 100

/** Says something all the time, and comes back when it is closed. */
export class SocketClient {
  /** Who answered last. */
  pid = 0
  readonly #url: string
  readonly #seen: Seen
  readonly #deflate: boolean
  readonly #asked = new Map<number, number>()
  #socket: WebSocket | undefined
  #n = 0
  #total = 0
  #pushedAt = 0
  #timer: NodeJS.Timeout | undefined
  #ended = false

  constructor(port: number, deflate: boolean, seen: Seen) {
    this.#url = `ws://127.0.0.1:${port}`
    this.#deflate = deflate
    this.#seen = seen
  }

  open(): Promise<void> {
    const socket = new WebSocket(this.#url, { perMessageDeflate: this.#deflate })
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('message', (data) => this.#hear(JSON.parse(String(data)) as Record<string, number>))
    socket.on('close', () => this.#closed())
    return new Promise((resolve) =>
      socket.once('open', () => {
        this.#timer = setInterval(() => this.#say(), pause)
        resolve()
      }),
    )
  }

  end(): void {
    this.#ended = true
    clearInterval(this.#timer)
    this.#socket?.terminate()
  }

  #say(): void {
    this.#asked.set(++this.#n, performance.now())
    this.#socket?.send(JSON.stringify({ n: this.#n }))
  }

  #hear({ n, total = 0, pid = 0, push }: Record<string, number>): void {
    const now = performance.now()
    if (push !== undefined) {
      this.#pushedAt = now
      return
    }
    const at = this.#asked.get(n ?? -1)
    if (at === undefined) return
    this.#asked.delete(n ?? -1)
    this.#seen.echoes.push({ at: now, ms: now - at })
    if (total <= this.#total) this.#seen.forgotten++
    this.#total = total
    this.pid = pid
  }

  #closed(): void {
    clearInterval(this.#timer)
    if (this.#ended) return
    this.#seen.closed++
    this.#seen.lost += this.#asked.size
    this.#asked.clear()
    const since = this.#pushedAt
    setTimeout(() => {
      if (this.#ended) return
      void this.open().then(() => {
        this.#seen.missed += Math.floor((performance.now() - since) / 500)
      })
    }, backoff)
  }
}
