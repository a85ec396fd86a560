import { EndlessError } from '../errors.js'
import type { Channel, Handle, Sent } from '../node/index.js'
import type { Body, Exit } from './body.js'
import { LastWords } from './lastwords.js'
import type {
  Answer,
  DrainReport,
  TicketKeys,
  ToPredecessor,
  ToSuccessor,
  Verdict,
  Word,
} from './messages.js'
import type { Successor } from './successor.js'
import { isWord } from './words.js'

/** How long a successor that is told to stop may take before it is killed, in ms. */
const killAfter = 2_000

/** The near ends of what a successor was spawned with. */
export interface Ends {
  readonly inbox: Channel
  readonly outbox: Channel
  readonly lanes: readonly Channel[]
}

/** What a successor that others spawn beside does differently from a child of ours. */
export interface Terms {
  /** Awaited between its being ready and {@link Successor.ready}: all of a fleet go together. */
  readonly together?: () => Promise<void>
  /** Where the reports of our drain go. */
  readonly report: (drain: DrainReport) => void
}

/** A successor that was spawned, by us or for us, at the other end of two channels. */
export class SpawnedSuccessor implements Successor {
  readonly pid: number
  readonly ready: Promise<void>
  readonly exited: Promise<Exit>
  readonly toldToStop: Promise<void>
  readonly deaf: Promise<void>
  readonly release: Promise<void>
  released = false
  adopts = false
  readonly lanes: readonly Channel[]
  #committed = false
  readonly #body: Body
  readonly #dormant = new Map<string, Handle>()
  readonly #outbox: Channel
  readonly #inbox: Channel
  readonly #report: Terms['report']
  readonly #readyTimeout: number
  readonly #serving: Promise<void>
  #late: NodeJS.Timeout
  #fail: (error: EndlessError) => void = () => {}
  #reported: string | undefined
  readonly #words = new LastWords()

  constructor(body: Body, { inbox, outbox, lanes }: Ends, readyTimeout: number, terms: Terms) {
    this.#body = body
    this.#outbox = outbox
    this.#inbox = inbox
    this.#report = terms.report
    this.#readyTimeout = readyTimeout
    this.pid = body.pid
    this.lanes = lanes
    this.exited = body.exited
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject
    })
    // Whoever waits takes the failure; nobody waits any more once it serves.
    failed.catch(() => {})
    const told = new Map<string, () => void>()
    const tells = (what: string): Promise<void> =>
      Promise.race([new Promise<void>((resolve) => told.set(what, resolve)), failed])
    inbox.listen((received, handle) => {
      const message = received as ToPredecessor
      this.#hear(message, handle)
      told.get(message.endless)?.()
    })
    this.#late = this.#lateTimer()
    // The others of a fleet have their own time.
    const isReady = tells('ready').finally(() => clearTimeout(this.#late))
    this.ready = Promise.race([isReady.then(terms.together), failed])
    this.#serving = tells('serving').finally(() => clearTimeout(this.#late))
    const says = (what: string): Promise<void> => new Promise((resolve) => told.set(what, resolve))
    this.toldToStop = says('stopping')
    this.deaf = says('deaf')
    this.release = Promise.race([this.toldToStop, says('handedOver')])
    for (const promise of [this.ready, this.#serving]) promise.catch(() => {})
    void this.exited.then((exit) => this.#fail(this.#exitError(exit)))
    // What keeps us alive is our servers, then the drain: never that a successor lives.
    for (const one of [inbox, outbox, ...lanes]) one.unref()
  }

  async go(ticketKeys: TicketKeys): Promise<void> {
    this.#committed = true
    this.#late = this.#lateTimer()
    const message: ToSuccessor = { endless: 'go', ticketKeys }
    // A failing send means that it died: then `exited` tells why.
    this.#outbox.send(message)
    await this.#serving
  }

  async stop(why: EndlessError, patience: number): Promise<void> {
    this.#fail(why)
    this.#body.signal('SIGTERM')
    const timer = setTimeout(
      () => this.#body.signal('SIGKILL'),
      this.#committed ? patience : killAfter,
    )
    await this.exited
    clearTimeout(timer)
    this.closeDormant()
  }

  takeDormant(): ReadonlyMap<string, Handle> {
    const taken = new Map(this.#dormant)
    this.#dormant.clear()
    return taken
  }

  closeDormant(): void {
    for (const handle of this.#dormant.values()) handle.close()
    this.#dormant.clear()
  }

  trust(): void {
    this.#outbox.send({ endless: 'proved' } satisfies ToSuccessor)
  }

  report(drain: DrainReport): void {
    this.#report(drain)
  }

  /** It serves, and needs nobody before it: it finds that we are gone. */
  leave(): void {
    this.closeDormant()
    for (const one of [this.#inbox, this.#outbox, ...this.lanes]) one.close()
  }

  tell(verdict: Verdict, sent: Sent): void {
    this.#outbox.send(verdict, sent)
  }

  poll(): void {
    this.#inbox.poll()
  }

  onAnswer(hear: (answer: Answer) => void): () => void {
    return this.#inbox.listen((message) => {
      // A chat says a lot, and each answer is a reason to look at connections.
      if (!isWord(message as ToPredecessor)) hear(message as Answer)
    })
  }

  say(word: Word, sent: () => void = () => {}): void {
    this.#outbox.send(word, sent)
  }

  onWord(hear: (word: Word) => void): void {
    this.#inbox.listen((message) => {
      if (isWord(message as ToPredecessor)) hear(message as Word)
    })
  }

  #hear(message: ToPredecessor, handle: Handle | undefined): void {
    if (message.endless === 'serving') this.adopts = message.adopts === true
    if (message.endless === 'stderr') this.#words.hear(message.text)
    if (message.endless === 'stopping' || message.endless === 'handedOver') this.released = true
    if (message.endless === 'listener' && handle) this.#dormant.set(message.name, handle)
    if (message.endless === 'failed') this.#reported = message.message
  }

  #exitError({ code, signal }: Exit): EndlessError {
    const how = signal ? `was killed by ${signal}` : `exited with code ${code}`
    if (this.#reported !== undefined)
      return new EndlessError(
        'ERR_ENDLESS_SUCCESSOR_FAILED',
        `successor ${this.pid} could not start: ${this.#reported}${this.#words}`,
      )
    return new EndlessError(
      'ERR_ENDLESS_SUCCESSOR_EXITED',
      `successor ${this.pid} ${how} before it was ready${this.#words}`,
    )
  }

  #lateTimer(): NodeJS.Timeout {
    const ms = this.#readyTimeout
    return setTimeout(() => this.#fail(this.#timeoutError(ms)), ms)
  }

  #timeoutError(readyTimeout: number): EndlessError {
    return new EndlessError(
      'ERR_ENDLESS_READY_TIMEOUT',
      `successor ${this.pid} was not ready within ${readyTimeout} ms: it must listen and become ` +
        `ready by then, or "readyTimeout" must be longer${this.#words}`,
    )
  }
}
