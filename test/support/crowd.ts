import { get, Raw } from './raw.js'

/** What fixtures/moving.js answers, and what came with it. */
export interface Answer {
  readonly pid: number
  /** Whether the response said `Connection: close`. */
  readonly close: boolean
  readonly body: Readonly<Record<string, unknown>>
}

/** What the members of a crowd speak. */
export interface Tongue<Member> {
  /** @param n which of them it is */
  open(n: number): Promise<Member>
  /** Undefined where it ends before it is answered. */
  ask(one: Member, path: string): Promise<Answer | undefined>
  end(one: Member): void
}

const http = (target: number | string, host?: string): Tongue<Raw> => ({
  open: () => Raw.open(target, host),
  ask,
  end: ({ socket }) => void socket.destroy(),
})

/** Connections that stay open: what becomes of each is seen on its own socket. */
export class Crowd<Member = Raw> {
  readonly members: readonly Member[]
  readonly #tongue: Tongue<Member>

  private constructor(members: readonly Member[], tongue: Tongue<Member>) {
    this.members = members
    this.#tongue = tongue
  }

  static async speaking<Member>(tongue: Tongue<Member>, count: number): Promise<Crowd<Member>> {
    const members: Member[] = []
    // Not all at once: a backlog has room for 511.
    while (members.length < count) {
      const [from, some] = [members.length, Math.min(200, count - members.length)]
      members.push(
        ...(await Promise.all(Array.from({ length: some }, (_, n) => tongue.open(from + n)))),
      )
    }
    return new Crowd(members, tongue)
  }

  /** @param target a port, or the path of a Unix socket */
  static open(target: number | string, count: number, host?: string): Promise<Crowd> {
    return Crowd.speaking(http(target, host), count)
  }

  /** As {@link Crowd.open}, each with a request answered on it. */
  static async served(target: number | string, count: number, host?: string): Promise<Crowd> {
    const crowd = await Crowd.open(target, count, host)
    const answers = await crowd.ask()
    if (answers.includes(undefined)) throw new Error('one was closed before it was answered')
    return crowd
  }

  /** The answers of all of them, each on its own connection; undefined where that has ended. */
  ask(path = '/'): Promise<(Answer | undefined)[]> {
    return Promise.all(this.members.map((one) => this.#tongue.ask(one, path)))
  }

  end(): void {
    for (const one of this.members) this.#tongue.end(one)
  }
}

/** The answer to one request; undefined where the connection ends before it is whole. */
export async function ask(raw: Raw, path = '/'): Promise<Answer | undefined> {
  if (raw.socket.destroyed) return undefined
  raw.text = ''
  raw.write(get(path))
  await raw.until(isWhole)
  if (!isWhole(raw.text)) return undefined
  const [head = '', text = ''] = raw.text.split('\r\n\r\n')
  const body = JSON.parse(text) as Record<string, unknown>
  return { pid: Number(body.pid), close: /^connection: close/im.test(head), body }
}

function isWhole(text: string): boolean {
  const at = text.indexOf('\r\n\r\n')
  const length = /^content-length: (\d+)/im.exec(text)?.[1]
  return at >= 0 && length !== undefined && text.length >= at + 4 + Number(length)
}

/** How many of the answers came from whom, and how many connections were closed instead. */
export function tally(answers: readonly (Answer | undefined)[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const answer of answers) {
    const key = answer ? `${answer.pid}${answer.close ? ' close' : ''}` : 'closed'
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}
