import { type Ask, anyPid, sayingClose } from './ask.js'

const goOn = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n')
const endOfHead = '\r\n\r\n'

/** A complete answer. */
export interface Answer {
  readonly id: string
  readonly pid: number
}

/** Whatever came is compared as it comes: what has come is right, or {@link Expected.push} throws. */
export class Expected {
  readonly answers: Answer[] = []
  /** Whether an answer has said that the connection ends. */
  closing = false
  readonly #queue: (Ask | 'continue')[] = []
  #bytes: Buffer = Buffer.alloc(0)
  /** How much of the body of the answer has come, once its head has. */
  #at: number | undefined
  #pid = 0

  /** How many requests are not answered. */
  get size(): number {
    return this.#queue.filter((one) => one !== 'continue').length
  }

  get waitsForContinue(): boolean {
    return this.#queue.includes('continue')
  }

  /** Whether the client takes its time now. */
  get isSlow(): boolean {
    const [first] = this.#queue
    return first !== undefined && first !== 'continue' && first.slow
  }

  add(ask: Ask): void {
    if (ask.expects) this.#queue.push('continue')
    this.#queue.push(ask)
  }

  push(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    while (this.#bytes.length > 0 && this.#step());
  }

  /** What it waits for, in words. */
  toString(): string {
    return this.#queue.map((one) => (one === 'continue' ? one : one.id)).join(', ')
  }

  /** @returns whether there may be more to read */
  #step(): boolean {
    const [first] = this.#queue
    if (first === undefined || (this.closing && this.#at === undefined))
      throw this.#wrong('a byte that belongs to no answer')
    if (first === 'continue') return this.#readContinue()
    return this.#at === undefined ? this.#readHead(first) : this.#readBody(first, this.#at)
  }

  #readContinue(): boolean {
    const came = this.#bytes.subarray(0, goOn.length)
    if (!goOn.subarray(0, came.length).equals(came)) throw this.#wrong('no 100 Continue')
    if (came.length < goOn.length) return false
    this.#queue.shift()
    this.#bytes = this.#bytes.subarray(goOn.length)
    return true
  }

  #readHead(ask: Ask): boolean {
    const end = this.#bytes.indexOf(endOfHead)
    const came = this.#bytes.toString('latin1', 0, end < 0 ? undefined : end + endOfHead.length)
    const head = ask.answerHeads.map((one) => withPid(one, came)).find((it) => it.startsWith(came))
    if (head === undefined || (end >= 0 && head !== came)) throw this.#wrong(`no head of ${ask.id}`)
    if (end < 0) return false
    this.#bytes = this.#bytes.subarray(came.length)
    this.#pid = Number(head.slice(pidIn(ask)).slice(0, anyPid.length))
    this.closing = head.includes(sayingClose)
    this.#at = 0
    return this.#readBody(ask, 0)
  }

  #readBody(ask: Ask, at: number): boolean {
    const came = this.#bytes.subarray(0, ask.answerBody.length - at)
    const next = at + came.length
    if (!ask.answerBody.subarray(at, next).equals(came))
      throw this.#wrong(`no body of ${ask.id} from byte ${at}`)
    this.#bytes = this.#bytes.subarray(came.length)
    this.#at = next
    if (next < ask.answerBody.length) return false
    this.answers.push({ id: ask.id, pid: this.#pid })
    this.#queue.shift()
    this.#at = undefined
    return true
  }

  #wrong(what: string): Error {
    return new Error(`${what}: ${JSON.stringify(this.#bytes.toString('latin1', 0, 300))}`)
  }
}

function pidIn(ask: Ask): number {
  return ask.answerHeads[0]?.indexOf(anyPid) ?? -1
}

/** The head with the pid that came, where one came. */
function withPid(head: string, came: string): string {
  const at = head.indexOf(anyPid)
  const pid = came.slice(at, at + anyPid.length)
  return /^\d*$/.test(pid) ? head.slice(0, at) + pid + head.slice(at + pid.length) : head
}
