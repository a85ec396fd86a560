import type { Answer, Verdict } from '../handover/index.js'
import type { Channel, Sent } from '../node/index.js'

/** Another worker of the fleet, at the other end of pipes that the supervisor has made. */
export class Peer {
  readonly lanes: readonly Channel[]
  /** Settles when it is gone, or has closed them. */
  readonly gone: Promise<void>
  readonly #inbox: Channel
  readonly #outbox: Channel

  constructor([inbox, outbox, ...lanes]: readonly [Channel, Channel, ...Channel[]]) {
    this.#inbox = inbox
    this.#outbox = outbox
    this.lanes = lanes
    this.gone = inbox.closed
    for (const one of [inbox, outbox, ...lanes]) one.unref()
  }

  get alive(): boolean {
    return this.#inbox.isOpen
  }

  tell(verdict: Verdict, sent: Sent): void {
    this.#outbox.send(verdict, sent)
  }

  onAnswer(hear: (answer: Answer) => void): () => void {
    return this.#inbox.listen((message) => hear(message as Answer))
  }

  onVerdict(hear: (verdict: Verdict) => void): void {
    this.#inbox.listen((message) => hear(message as Verdict))
  }

  answer(answer: Answer): void {
    this.#outbox.send(answer)
  }

  poll(): void {
    this.#inbox.poll()
  }

  close(): void {
    for (const one of [this.#inbox, this.#outbox, ...this.lanes]) one.close()
  }
}

/** Undefined where pipes were lost on the way. */
export function peerOf([inbox, outbox, ...lanes]: readonly Channel[]): Peer | undefined {
  return inbox && outbox && lanes.length > 0 ? new Peer([inbox, outbox, ...lanes]) : undefined
}
