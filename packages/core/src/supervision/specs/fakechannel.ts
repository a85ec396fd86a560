import type { Channel, Handle, Sent } from '../../node/index.js'

type Hear = (message: unknown, cargo: Handle | undefined) => void

/** One end of a channel; a test is at the other one. */
export class FakeChannel {
  readonly closed: Promise<void>
  readonly sent: unknown[] = []
  isOpen = true
  readonly #ears = new Set<Hear>()
  #close: () => void = () => {}

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#close = resolve
    })
  }

  get channel(): Channel {
    return this as unknown as Channel
  }

  listen(hear: Hear): () => void {
    this.#ears.add(hear)
    return () => void this.#ears.delete(hear)
  }

  /** All of them are read in one turn. */
  says(...messages: readonly object[]): void {
    for (const message of messages) for (const hear of [...this.#ears]) hear(message, undefined)
  }

  /** With a handle, where the kernel had an fd for it. */
  passes(message: object, cargo: { readonly fd: number } | undefined): void {
    for (const hear of [...this.#ears]) hear(message, cargo as Handle | undefined)
  }

  send(message: object, sent: Sent = () => {}): void {
    this.sent.push(message)
    sent(null)
  }

  poll(): void {}
  unref(): void {}

  close(): void {
    this.isOpen = false
    this.#close()
  }
}
