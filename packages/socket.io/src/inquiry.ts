import { randomUUID } from 'node:crypto'
import type { Members } from './members.js'
import { type Answer, type Question, Round } from './question.js'

/** What is asked, without what is the same for all. */
export type Asked = Omit<Question, 'id'>

/** One question, and those after it that are needed to have all answers. */
export class Inquiry {
  readonly id: string = randomUUID()
  readonly #members: Members
  readonly #asked: Asked
  readonly #send: (question: Question) => void
  readonly #found: (value: unknown) => void
  readonly #rounds = new Map<string, Round>()
  readonly #stop: () => void

  /**
   * @param send called at once, and with what is asked later
   * @param found called with each value that comes
   */
  constructor(
    members: Members,
    asked: Asked,
    send: (question: Question) => void,
    found: (value: unknown) => void,
  ) {
    this.#members = members
    this.#asked = asked
    this.#send = send
    this.#found = found
    this.#stop = members.onLeft((who) => {
      for (const round of this.#rounds.values()) round.without(who)
    })
  }

  /**
   * Settles when all have answered, or with an error after so many ms. Who moves is at one end or the other when both
   * have heard a question, unless it is on its way just then; it is there when both have heard another one.
   */
  async ask(ms: number): Promise<void> {
    const late = new Promise<void>((_, reject) => {
      setTimeout(() => reject(this.#late()), ms).unref()
    })
    late.catch(() => {})
    await Promise.race([this.#all(), late])
  }

  /** Of any answer: it may be one to another question. */
  hear(by: string, values: readonly unknown[], answer: Answer): void {
    const round = this.#rounds.get(answer.id)
    if (!round) return
    for (const value of values) this.#found(value)
    round.hear(by, answer)
  }

  close(): void {
    this.#stop()
  }

  async #all(): Promise<void> {
    const { settled } = this.#members
    const { kind, nsp } = this.#asked
    // It is no question to us, and done once.
    if (kind === 'emit') {
      // In this turn where it can be, so that nothing that is said later overtakes it.
      if (settled) await settled
      return this.#round(this.id, this.#asked, this.#members.others).over
    }
    const { me } = this.#members
    const first = this.#round(this.id, this.#asked, [me, ...this.#members.others])
    await first.over
    await settled
    if (!settled && !first.moves) return
    const none: Asked = { kind: 'none', nsp, rooms: [], except: [] }
    await this.#round(randomUUID(), none, [me, ...this.#members.others]).over
  }

  #round(id: string, asked: Asked, whom: readonly string[]): Round {
    const round = new Round(whom)
    this.#rounds.set(id, round)
    this.#send({ ...asked, id })
    return round
  }

  #late(): Error {
    const rounds = [...this.#rounds.values()]
    const { count, missing } = rounds.find((round) => round.missing.size > 0) ?? new Round([])
    const pids = Array.from(missing, (one) => one.split('-', 1)[0])
    for (const round of rounds) this.#members.doubt([...round.missing], round.since)
    // As the adapters of a cluster say it.
    return new Error(
      `timeout reached: only ${count - pids.length} responses received out of ${count}, none of ${pids.join(', ')}`,
    )
  }
}
