import type { Handle } from '../node/index.js'
import { decodeHandover, type Handover, handoverVariable } from './handover.js'
import {
  type Answer,
  isOurs,
  type TicketKeys,
  type ToPredecessor,
  type ToSuccessor,
  type Verdict,
} from './messages.js'

/** Whoever came before: the process that spawned this one, or a supervisor that relays for it. */
export interface Predecessor {
  readonly handover: Handover
  readonly alive: boolean
  /** Settles when it is gone. */
  readonly gone: Promise<void>
  /** Gives it a duplicate of a listener, for its probation of us. */
  handBack(name: string, handle: Handle): void
  /** Says that we are ready; settles when it says go, or is gone: from then on we serve. */
  announce(): Promise<TicketKeys>
  /** @param adopts whether it may send connections */
  serving(adopts: boolean): void
  /** Hears whose the connections are that came by the lanes. */
  onVerdict(hear: (verdict: Verdict) => void): void
  answer(answer: Answer): void
  /** Why we cannot start; settles when it was sent. */
  failed(message: string): Promise<void>
  /** Says that we end on purpose; settles when it was sent. */
  stopping(): Promise<void>
  uninstall(): void
}

/** How often to look whether a predecessor that says nothing is there still, in ms. */
const pollEvery = 100

/** A predecessor at the other end of Node's IPC channel. */
class ParentProcess implements Predecessor {
  readonly handover: Handover
  readonly gone: Promise<void>
  #leave: () => void = () => {}
  #go: (ticketKeys: TicketKeys) => void = () => {}
  readonly #told: Promise<TicketKeys>
  #hearVerdict: (verdict: Verdict) => void = () => {}
  readonly #onMessage = (received: unknown): void => {
    if (!isOurs(received)) return
    const message = received as ToSuccessor
    if (message.endless === 'go') this.#go(message.ticketKeys)
    else this.#hearVerdict(message)
  }

  constructor(handover: Handover) {
    this.handover = handover
    this.gone = new Promise((resolve) => {
      this.#leave = resolve
    })
    this.#told = new Promise((resolve) => {
      this.#go = resolve
    })
    // The channel, never getppid(): when the parent has died, that is 1.
    if (process.connected) {
      process.on('message', this.#onMessage)
      process.once('disconnect', this.#leave)
    } else {
      this.#leave()
    }
  }

  get alive(): boolean {
    return process.connected === true
  }

  handBack(name: string, handle: Handle): void {
    this.#send({ endless: 'listener', name }, handle)
  }

  announce(): Promise<TicketKeys> {
    this.#send({ endless: 'ready' })
    // Node says no 'disconnect' while a handle that we sent is unconfirmed, as it is for ever when
    // the predecessor dies before it reads it.
    const poll = setInterval(() => this.alive || this.#leave(), pollEvery)
    const told = Promise.race([this.#told, this.gone.then(() => ({}))])
    return told.finally(() => clearInterval(poll))
  }

  serving(adopts: boolean): void {
    this.#send({ endless: 'serving', adopts })
    // From here on only our servers keep this process alive, not whether the predecessor lives.
    process.channel?.unref()
  }

  onVerdict(hear: (verdict: Verdict) => void): void {
    this.#hearVerdict = hear
  }

  answer(answer: Answer): void {
    this.#send(answer)
  }

  failed(message: string): Promise<void> {
    return this.#sendAndWait({ endless: 'failed', message })
  }

  stopping(): Promise<void> {
    return this.#sendAndWait({ endless: 'stopping' })
  }

  uninstall(): void {
    process.off('message', this.#onMessage)
    process.off('disconnect', this.#leave)
    this.#leave()
  }

  #send(message: ToPredecessor, handle?: Handle, sent: () => void = () => {}): void {
    if (!process.connected || !process.send) return sent()
    // A predecessor that dies meanwhile shows as 'disconnect'; there is nobody left to tell.
    process.send(message, handle as never, { keepOpen: true }, sent)
  }

  #sendAndWait(message: ToPredecessor): Promise<void> {
    return new Promise((resolve) => this.#send(message, undefined, resolve))
  }
}

/**
 * Reads what the predecessor handed over, and takes it out of the environment, so that no child of
 * the app mistakes itself for a successor. Undefined in generation 0.
 */
export function findPredecessor(): Predecessor | undefined {
  const text = process.env[handoverVariable]
  if (text === undefined) return undefined
  delete process.env[handoverVariable]
  return new ParentProcess(decodeHandover(text))
}
