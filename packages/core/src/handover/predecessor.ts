import { type Channel, type Handle, openChannel } from '../node/index.js'
import { decodeHandover, type Handover, hearsFd, saysFd } from './handover.js'
import type { Answer, TicketKeys, ToPredecessor, ToSuccessor, Verdict, Word } from './messages.js'
import { takeHandover, tellWordsBy } from './preload.js'
import { isWord } from './words.js'

/** Whoever came before: the process that spawned this one, or a supervisor that relays for it. */
export interface Predecessor {
  readonly handover: Handover
  readonly alive: boolean
  /** Settles when it is gone. */
  readonly gone: Promise<void>
  /** Settles when it watches us no more: we have passed its probation, or it is gone. */
  readonly trust: Promise<void>
  readonly trusts: boolean
  /** Gives it a duplicate of a listener, for its probation of us. */
  handBack(name: string, handle: Handle): void
  /** Says that we are ready; settles when it says go, or is gone: from then on we serve. */
  announce(): Promise<TicketKeys>
  /** @param adopts whether it may send connections */
  serving(adopts: boolean): void
  /** Hears whose the connections are that came by the lanes. */
  onVerdict(hear: (verdict: Verdict) => void): void
  answer(answer: Answer): void
  /** In order with the verdicts. */
  onWord(hear: (word: Word) => void): void
  say(word: Word, sent?: () => void): void
  /** Hears what it has said so far, within a turn of the event loop. */
  poll(): void
  /** Why we cannot start; settles when it was sent. */
  failed(message: string): Promise<void>
  /** Says that we end on purpose; settles when it was sent. */
  stopping(): Promise<void>
  /** Says that our own successor serves. */
  handedOver(): void
  /** Says that the app has closed every listener. */
  deaf(): void
  uninstall(): void
}

/** A predecessor at the other end of the channels that this process was spawned with. */
class ParentProcess implements Predecessor {
  readonly handover: Handover
  readonly gone: Promise<void>
  readonly trust: Promise<void>
  trusts = false
  readonly #outbox: Channel | undefined
  readonly #inbox: Channel | undefined
  #leave: () => void = () => {}
  #go: (ticketKeys: TicketKeys) => void = () => {}
  readonly #told: Promise<TicketKeys>
  #hearVerdict: (verdict: Verdict) => void = () => {}
  #hearWord: (word: Word) => void = () => {}

  constructor(handover: Handover) {
    this.handover = handover
    this.gone = new Promise((resolve) => {
      this.#leave = resolve
    })
    this.#told = new Promise((resolve) => {
      this.#go = resolve
    })
    let proved = (): void => {}
    const told = new Promise<void>((resolve) => {
      proved = resolve
    })
    this.trust = Promise.race([told, this.gone]).then(() => {
      this.trusts = true
    })
    // The channel, never getppid(): when the parent has died, that is 1.
    this.#outbox = openChannel(saysFd)
    this.#inbox = openChannel(hearsFd)
    // Whether the predecessor lives shows where we hear it.
    this.#outbox?.unref()
    void (this.#inbox?.closed ?? Promise.resolve()).then(this.#leave)
    this.#inbox?.listen((received) => {
      const message = received as ToSuccessor
      if (message.endless === 'go') this.#go(message.ticketKeys)
      else if (message.endless === 'proved') proved()
      else if (isWord(message)) this.#hearWord(message)
      else this.#hearVerdict(message)
    })
    tellWordsBy((text) => this.#send({ endless: 'stderr', text }))
  }

  get alive(): boolean {
    return this.#inbox?.isOpen === true
  }

  handBack(name: string, handle: Handle): void {
    this.#send({ endless: 'listener', name }, handle)
  }

  announce(): Promise<TicketKeys> {
    this.#send({ endless: 'ready' })
    return Promise.race([this.#told, this.gone.then(() => ({}))])
  }

  serving(adopts: boolean): void {
    this.#send({ endless: 'serving', adopts })
    // From here on only our servers keep this process alive, not whether the predecessor lives.
    this.#inbox?.unref()
  }

  onVerdict(hear: (verdict: Verdict) => void): void {
    this.#hearVerdict = hear
  }

  answer(answer: Answer): void {
    this.#send(answer)
  }

  onWord(hear: (word: Word) => void): void {
    this.#hearWord = hear
  }

  say(word: Word, sent?: () => void): void {
    this.#send(word, undefined, sent)
  }

  poll(): void {
    this.#inbox?.poll()
  }

  failed(message: string): Promise<void> {
    return this.#sendAndWait({ endless: 'failed', message })
  }

  stopping(): Promise<void> {
    return this.#sendAndWait({ endless: 'stopping' })
  }

  handedOver(): void {
    this.#send({ endless: 'handedOver' })
  }

  deaf(): void {
    this.#send({ endless: 'deaf' })
  }

  uninstall(): void {
    this.#outbox?.close()
    this.#inbox?.close()
    this.#leave()
  }

  #send(message: ToPredecessor, handle?: Handle, sent: () => void = () => {}): void {
    // A predecessor that dies meanwhile shows as 'close'; there is nobody left to tell.
    if (this.#outbox) this.#outbox.send(message, sent, handle)
    else sent()
  }

  #sendAndWait(message: ToPredecessor): Promise<void> {
    return new Promise((resolve) => this.#send(message, undefined, resolve))
  }
}

/** Whoever came before; undefined in generation 0. */
export function findPredecessor(): Predecessor | undefined {
  const text = takeHandover()
  return text === undefined ? undefined : new ParentProcess(decodeHandover(text))
}
