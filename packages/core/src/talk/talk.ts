import type { Predecessor, Said, Successor, Word } from '../handover/index.js'
import type { Supervisor } from '../supervision/index.js'
import { Arrival } from './arrival.js'
import { badOption, checkChannel, textOf } from './check.js'
import { Delegate } from './delegate.js'
import { Line } from './line.js'

/** What an app does with messages. */
export type Handler<Message> = (message: Message, to: readonly unknown[] | undefined) => unknown

/** A channel of this process. */
export interface OpenChannel<Message> {
  publish(message: Message): void
  close(): void
}

/** Who is told of what goes wrong. */
export interface Complaints {
  warn(message: string): void
  error(message: string, error: unknown): void
}

/**
 * The channels of this process. What is said is handled here and passed on to each neighbour but the one that it came
 * from, in one turn: the generations of a slot are a tree, so that it comes to everybody once.
 */
export class Talk {
  readonly #channels = new Map<string, Handler<never>>()
  readonly #complaints: Complaints
  /** By which something is said; each hears from the first moment on. */
  readonly #lines = new Set<Line>()
  readonly #successors = new WeakMap<Successor, Line>()
  #predecessor: Line | undefined
  readonly #delegate: Delegate | undefined
  readonly #arrivals = new Set<Arrival>()
  /** Tell clients that are there what they have missed. */
  readonly #owed = new Set<() => void>()
  /** Whether the app hears of a client in this very moment, and may not know of it yet. */
  #isArriving = false
  /** No pid alone: they are used again. */
  readonly #name = `${process.pid}-${Math.random().toString(36).slice(2)}`
  #count = 0
  #serves = false
  #isUsed = false
  readonly #gone: Promise<unknown>
  readonly #alive = new Set<NodeJS.Timeout>()

  constructor(
    predecessor: Predecessor | undefined,
    supervisor: Supervisor | undefined,
    complaints: Complaints,
  ) {
    this.#complaints = complaints
    const before = predecessor?.handover.predecessor
    // The first worker of a slot comes after the supervisor itself, which has no messages of its own.
    if (predecessor && before !== undefined && before !== supervisor?.pid)
      this.#predecessor = this.#lineTo({
        pid: before,
        gone: predecessor.gone,
        say: (word, sent) => predecessor.say(word, sent),
        onWord: (hear) => predecessor.onWord(hear),
      })
    this.#gone = this.#predecessor ? (predecessor?.gone ?? Promise.resolve()) : Promise.resolve()
    this.#delegate =
      supervisor &&
      new Delegate(supervisor, this.#predecessor, (said) => this.#pass(said, supervisor))
  }

  /** Whether the app has one. */
  get isOpen(): boolean {
    return this.#channels.size > 0
  }

  open<Message>(name: string, handler: Handler<Message>): OpenChannel<Message> {
    checkChannel(name, handler, this.#channels)
    this.#isUsed = true
    this.#channels.set(name, handler)
    let isOpen = true
    return {
      publish: (message) => {
        if (!isOpen) throw badOption(name, 'an open channel', 'closed')
        const text = textOf(name, message)
        this.#pass({ channel: name, text, by: this.#name, n: ++this.#count }, undefined)
      },
      close: () => {
        if (isOpen) this.#channels.delete(name)
        isOpen = false
      },
    }
  }

  /** This generation serves: from here on others hear of what is said here. */
  serve(): void {
    this.#serves = true
    if (this.#predecessor) this.#lines.add(this.#predecessor)
  }

  /**
   * That one may serve: it hears of all that is said from here on. Not when it says that it does: its first client may
   * be told so before that is heard here.
   */
  join(successor: Successor): void {
    const line = this.#lineTo({
      pid: successor.pid,
      gone: successor.exited,
      say: (word, sent) => successor.say(word, sent),
      onWord: (hear) => successor.onWord(hear),
    })
    this.#successors.set(successor, line)
    this.#lines.add(line)
  }

  /** It serves instead of this one. */
  handOver(successor: Successor): void {
    const line = this.#successors.get(successor)
    if (line) this.#delegate?.yield(line)
  }

  /** This one serves again. */
  takeBack(successor: Successor): void {
    const line = this.#successors.get(successor)
    if (line) this.#delegate?.takeBack(line)
  }

  /** How many messages of that one were handled here, and so were written to each client that is here. */
  heardOf(successor: Successor): number | undefined {
    return this.#successors.get(successor)?.heard
  }

  /**
   * A client comes that was told of so many of our messages in the predecessor. The others are told to it when it is
   * there.
   * @param later whether it is not there in this very turn: then also what is said until it is
   */
  expect(heard: number, later: boolean): Arrival {
    const arrival = new Arrival(
      this.#predecessor?.since(heard) ?? [],
      (said, client) => this.#call(said, [client]),
      (over) => void this.#arrivals.delete(over),
      (tell) => this.#owe(tell),
    )
    if (later) this.#arrivals.add(arrival)
    return arrival
  }

  /** Settles when nobody needs this process any more to pass on what others say. */
  async finished(): Promise<void> {
    await this.#awake(async () => {
      if (this.#isUsed) await this.#gone
      await this.#passedOn()
    })
  }

  /** As {@link Talk.finished}, of one that ends on purpose: whoever came before it may serve on. */
  async left(): Promise<void> {
    if (this.#predecessor) this.#delegate?.yield(this.#predecessor)
    await this.#awake(() => this.#passedOn())
  }

  uninstall(): void {
    this.#channels.clear()
    this.#lines.clear()
    for (const alive of this.#alive) clearInterval(alive)
  }

  /** What is waited for keeps no process alive, and one that has nothing else would end without its hooks. */
  async #awake(wait: () => Promise<void>): Promise<void> {
    const alive = setInterval(() => {}, 2 ** 30)
    this.#alive.add(alive)
    await wait()
    clearInterval(alive)
    this.#alive.delete(alive)
  }

  async #passedOn(): Promise<void> {
    await this.#delegate?.settled()
    await Promise.all([...this.#lines].map((line) => line.flushed()))
  }

  #lineTo(wire: ConstructorParameters<typeof Line>[0]): Line {
    return new Line(wire, {
      said: (said, line) => this.#pass(said, line),
      word: (word, line) => this.#hear(word, line),
      lost: ({ pid }) =>
        this.#complaints.warn(
          `Process ${pid} does not read what channels say: it gets no more of it, and clients that come from there miss some.`,
        ),
      gone: (line) => {
        this.#lines.delete(line)
        if (line === this.#predecessor) this.#predecessor = undefined
        this.#delegate?.gone(line)
      },
    })
  }

  #hear(word: Exclude<Word, { endless: 'said' | 'heard' }>, line: Line): void {
    if (word.endless === 'speak') this.#delegate?.speak(line, word.heard)
    if (word.endless === 'listen') this.#delegate?.listen(line)
    if (word.endless === 'want') this.#delegate?.yield(line)
  }

  /** @param from which of our neighbours has said it; undefined where it was said here */
  #pass(said: Said, from: Line | Supervisor | undefined): void {
    this.#isUsed = true
    if (!this.#isArriving) this.#settle()
    // Before the handlers here, which may say something themselves.
    for (const line of this.#lines) if (line !== from) line.say(said)
    const isFromAbove = from !== undefined && !(from instanceof Line)
    if (this.#serves && !isFromAbove) this.#delegate?.say(said)
    for (const arrival of this.#arrivals) arrival.misses(said)
    this.#call(said, undefined)
  }

  /** Of one that is there now: an app that keeps its clients itself has to hear of it first. */
  #owe(tell: () => void): void {
    this.#owed.add(tell)
    this.#isArriving = true
    queueMicrotask(() => {
      this.#isArriving = false
    })
    process.nextTick(() => this.#settle())
  }

  #settle(): void {
    for (const tell of this.#owed) {
      this.#owed.delete(tell)
      tell()
    }
  }

  #call({ channel, text }: Said, to: readonly unknown[] | undefined): void {
    const handler = this.#channels.get(channel) as Handler<unknown> | undefined
    if (!handler) return
    const failed = (error: unknown): void =>
      this.#complaints.error(`The handler of channel "${channel}" threw`, error)
    try {
      // A copy, as in the other processes.
      const result = handler(JSON.parse(text), to)
      if (result instanceof Promise) result.catch(failed)
    } catch (error) {
      failed(error)
    }
  }
}
