import type { ChildProcess } from 'node:child_process'
import { EndlessError } from '../errors.js'
import { type Channel, type Handle, type Sent, signalChild } from '../node/index.js'
import { LastWords } from './lastwords.js'
import type {
  Answer,
  DrainReport,
  TicketKeys,
  ToPredecessor,
  ToSuccessor,
  Verdict,
} from './messages.js'
import type { Exit, Successor } from './successor.js'

/** How long a successor that is told to stop may take before it is killed, in ms. */
const killAfter = 2_000

/** A successor that is a child of ours, at the other end of two channels. */
export class ChildSuccessor implements Successor {
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
  readonly #child: ChildProcess
  readonly #dormant = new Map<string, Handle>()
  readonly #outbox: Channel
  readonly #inbox: Channel
  readonly #reports: Channel
  readonly #serving: Promise<void>
  #fail: (error: EndlessError) => void = () => {}
  #reported: string | undefined
  readonly #words = new LastWords()

  constructor(
    child: ChildProcess,
    pid: number,
    [inbox, outbox, reports, ...lanes]: readonly [Channel, Channel, Channel, ...Channel[]],
    readyTimeout: number,
  ) {
    this.#child = child
    this.#outbox = outbox
    this.#inbox = inbox
    this.#reports = reports
    this.pid = pid
    this.lanes = lanes
    this.exited = new Promise((resolve) => {
      // Not 'exit': that may come before the last messages were read, 'stopping' among them.
      child.once('close', (code, signal) => resolve({ code, signal }))
    })
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject
    })
    // Whoever waits takes the failure; nobody waits any more once it serves.
    failed.catch(() => {})
    // A signal that could not be sent: whether it lives, its exit tells.
    child.on('error', () => {})
    const told = new Map<string, () => void>()
    const tells = (what: string): Promise<void> =>
      Promise.race([new Promise<void>((resolve) => told.set(what, resolve)), failed])
    inbox.listen((received, handle) => {
      const message = received as ToPredecessor
      this.#hear(message, handle)
      told.get(message.endless)?.()
    })
    const timer = setTimeout(() => this.#fail(this.#timeoutError(readyTimeout)), readyTimeout)
    this.ready = tells('ready')
    this.#serving = tells('serving').finally(() => clearTimeout(timer))
    const says = (what: string): Promise<void> => new Promise((resolve) => told.set(what, resolve))
    this.toldToStop = says('stopping')
    this.deaf = says('deaf')
    this.release = Promise.race([this.toldToStop, says('handedOver')])
    for (const promise of [this.ready, this.#serving]) promise.catch(() => {})
    void this.exited.then((exit) => this.#fail(this.#exitError(exit)))
    // What keeps us alive is our servers, then the drain: never that a successor lives.
    child.unref()
    for (const one of [inbox, outbox, reports, ...lanes]) one.unref()
  }

  async go(ticketKeys: TicketKeys): Promise<void> {
    this.#committed = true
    const message: ToSuccessor = { endless: 'go', ticketKeys }
    // A failing send means that it died: then `exited` tells why.
    this.#outbox.send(message)
    await this.#serving
  }

  async stop(why: EndlessError, patience: number): Promise<void> {
    this.#fail(why)
    signalChild(this.#child, 'SIGTERM')
    const timer = setTimeout(
      () => signalChild(this.#child, 'SIGKILL'),
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

  report(drain: DrainReport): void {
    this.#reports.send(drain)
  }

  tell(verdict: Verdict, sent: Sent): void {
    this.#outbox.send(verdict, sent)
  }

  poll(): void {
    this.#inbox.poll()
  }

  onAnswer(hear: (answer: Answer) => void): () => void {
    return this.#inbox.listen((message) => hear(message as Answer))
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

  #timeoutError(readyTimeout: number): EndlessError {
    return new EndlessError(
      'ERR_ENDLESS_READY_TIMEOUT',
      `successor ${this.pid} was not ready within ${readyTimeout} ms: it must listen and become ` +
        `ready by then, or "readyTimeout" must be longer${this.#words}`,
    )
  }
}
