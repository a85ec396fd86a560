import { randomUUID } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Upgrader } from '@endlessjs/core'

/** Another process answers the first word of a new one within that, in ms; who hears nothing is alone. */
const longest = 1_000
/** Who is silent for so long when it is asked, is gone, in ms. */
const patience = 5_000

/** What processes tell each other of themselves. */
export interface News {
  /** The first word. */
  readonly hello?: true
  /** The answer to it: to whom, and who is there. */
  readonly here?: readonly [to: string, known: readonly string[]]
  /** The last word. */
  readonly bye?: true
}

/**
 * Which processes there are to answer a question. Each says so when it begins to serve, before its first client, and at
 * its end; what comes by a channel comes in order, so nobody has clients of whom it is not known. No heartbeat: one
 * that is killed says nothing, is waited for by one question until that times out, and is asked no more.
 */
export class Members {
  readonly me: string = `${process.pid}-${randomUUID()}`
  /** Until it is known who is there; undefined from then on. */
  settled: Promise<void> | undefined
  readonly #say: (news: News) => void
  /** When each was heard last. */
  readonly #others = new Map<string, number>()
  /** Two words of two processes may come in another order than they were said in: no list brings one back. */
  readonly #gone = new Set<string>()
  readonly #left = new Set<(who: string) => void>()
  readonly #undos: (() => void)[] = []
  #settle: () => void = () => {}
  #isHere = false

  constructor(say: (news: News) => void) {
    this.#say = say
  }

  /** All but this one. */
  get others(): readonly string[] {
    return [...this.#others.keys()]
  }

  /** Says so when this process serves. */
  begin(upgrader: Upgrader): void {
    this.#undos.push(upgrader.hook('onExit', () => this.close()))
    if (upgrader.state !== 'starting') return this.#serve()
    const heard = (message: unknown): void => {
      if (Object(message).to === 'ready') this.#serve()
    }
    subscribe('endless:state', heard)
    this.#undos.push(() => unsubscribe('endless:state', heard))
  }

  hear(by: string, { hello, here, bye }: News): void {
    if (by === this.me) return
    if (bye) this.#gone.add(by)
    if (this.#gone.has(by)) return this.#forget(by)
    this.#others.set(by, Date.now())
    if (hello && this.#isHere) this.#say({ here: [by, [this.me, ...this.others]] })
    const [to, known = []] = here ?? []
    if (to !== this.me) return
    const isNew = (who: string): boolean => !this.#gone.has(who) && !this.#others.has(who)
    for (const who of known) if (who !== this.me && isNew(who)) this.#others.set(who, Date.now())
    this.#settle()
  }

  /** @param since when these were asked, who have not answered */
  doubt(silent: Iterable<string>, since: number): void {
    for (const who of silent) {
      const look = (): void => {
        if ((this.#others.get(who) ?? 0) <= since) this.#forget(who)
      }
      const rest = since + patience - Date.now()
      if (rest <= 0) look()
      else setTimeout(look, rest).unref()
    }
  }

  /** @returns takes it back */
  onLeft(left: (who: string) => void): () => void {
    this.#left.add(left)
    return () => this.#left.delete(left)
  }

  /** The last word. */
  close(): void {
    for (const undo of this.#undos.splice(0)) undo()
    if (this.#isHere) this.#say({ bye: true })
    this.#isHere = false
    this.#settle()
  }

  #serve(): void {
    if (this.#isHere) return
    this.#isHere = true
    this.settled = new Promise((resolve) => {
      this.#settle = () => {
        this.settled = undefined
        resolve()
      }
    })
    setTimeout(() => this.#settle(), longest).unref()
    this.#say({ hello: true })
  }

  #forget(who: string): void {
    this.#others.delete(who)
    for (const left of this.#left) left(who)
  }
}
