import { once, setMaxListeners } from 'node:events'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import WebSocket, { createWebSocketStream } from 'ws'

/** How long a member is silent before it says something, in ms, at most. */
const longestSilence = 1_000
/** For so long the last lines may be on their way, in ms. */
const longestWay = 10_000

/** Somebody in the chat of test/fixtures/chat.js, who notices what is missing, comes twice, or is out of order. */
export class Member {
  readonly name: string
  /** What went wrong; empty where nothing did. */
  readonly faults: string[] = []
  /** How many lines it has sent. */
  said = 0
  /** The last line of each member that it has read. */
  readonly last: Map<string, number> = new Map()
  /** How many lines it has read. */
  read = 0
  /** Which process has written to it last. */
  pid = 0
  /** What each had sent when it was told that it is in: it has to read whatever comes after that. */
  #before: ReadonlyMap<string, number> = new Map()
  #isIn = false
  #stays = false
  readonly #chat: Chat
  readonly #socket: Duplex
  #text = ''
  readonly #waiting = new Set<() => void>()

  constructor(name: string, chat: Chat, socket: Duplex) {
    this.name = name
    this.#chat = chat
    this.#socket = socket
    socket.setEncoding('utf8').on('data', (text: string) => this.#read(text))
    socket.on('error', () => {})
    socket.on('close', () => this.#changed())
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && !this.#socket.readableEnded
  }

  async join(): Promise<void> {
    this.#socket.write(`join ${this.name}\n`)
    await this.#until(() => this.#isIn)
  }

  /** Does not move from here on. */
  async stay(): Promise<void> {
    this.#socket.write('stay\n')
    await this.#until(() => this.#stays)
  }

  async go(): Promise<void> {
    this.#socket.write('go\n')
    await this.#until(() => !this.#stays)
  }

  async leave(): Promise<void> {
    this.#socket.write('leave\n')
    await this.#until(() => !this.#isIn)
    this.#socket.destroy()
  }

  /** Settles when it has read it itself, or its connection is closed. */
  async say(): Promise<void> {
    this.said += 1
    this.#socket.write(`say ${this.said}\n`)
    await this.#until(() => this.last.get(this.name) === this.said)
  }

  /** Settles when it has read so many lines more. */
  async hears(count: number): Promise<void> {
    const enough = this.read + count
    await this.#until(() => this.read >= enough)
  }

  /** Settles when it has read the last line of each of them, or is closed; what does not come is a fault. */
  async hasAllOf(members: readonly Member[]): Promise<void> {
    const missing = (): Member[] =>
      members.filter(({ name, said }) => (this.last.get(name) ?? 0) < said)
    const late = new AbortController()
    const lost = delay(longestWay, undefined, { signal: late.signal }).then(
      () => {
        for (const { name, said } of missing())
          this.faults.push(`${this.name} misses ${name} ${said} in the end`)
      },
      () => {},
    )
    await Promise.race([lost, this.#until(() => missing().length === 0)])
    late.abort()
  }

  end(): void {
    this.#socket.destroy()
  }

  async #until(condition: () => boolean): Promise<void> {
    while (this.isOpen && !condition())
      await new Promise<void>((resolve) => void this.#waiting.add(resolve))
  }

  #changed(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }

  #read(text: string): void {
    const lines = (this.#text + text).split('\n')
    this.#text = lines.pop() ?? ''
    for (const line of lines) this.#readLine(line)
    this.#changed()
  }

  #readLine(line: string): void {
    const [name = '', word, pid] = line.split(' ')
    this.pid = Number(pid)
    if (word === 'ok') return this.#isTold(name)
    const n = Number(word)
    const last = this.last.get(name)
    this.read += 1
    this.last.set(name, n)
    if (!this.#isIn) return void this.faults.push(`${this.name} is not in, and read ${line}`)
    const latest = (this.#before.get(name) ?? 0) + 1
    const isNext = last === undefined ? n <= latest : n === last + 1
    const isLater = last === undefined || n > last
    if (this.#chat.mayMiss ? !isLater : !isNext)
      this.faults.push(`${this.name} read ${line} after ${last ?? `joining before ${latest}`}`)
  }

  #isTold(what: string): void {
    if (what === 'stay' || what === 'go') this.#stays = what === 'stay'
    else this.#isIn = what === 'join'
    if (what === 'join') this.#before = this.#chat.said
  }
}

async function overTcp(port: number): Promise<Duplex> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

let opened = 0

/** Every second one with permessage-deflate. */
export async function overWebSocket(port: number): Promise<Duplex> {
  const perMessageDeflate = opened++ % 2 === 0 ? { threshold: 0 } : false
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate })
  await once(socket, 'open')
  return createWebSocketStream(socket, { decodeStrings: false })
}

/** Members who say something again and again, until they are told to stop. */
export class Chat {
  readonly members: Member[] = []
  /** A process has died that had something to pass on. */
  mayMiss = false
  readonly #port: number
  readonly #open: (port: number) => Promise<Duplex>
  readonly #over = new AbortController()
  readonly #running: Promise<void>[] = []

  /** @param open connects */
  constructor(port: number, open: (port: number) => Promise<Duplex> = overTcp) {
    this.#port = port
    this.#open = open
    setMaxListeners(0, this.#over.signal)
  }

  /** How many lines each has sent. */
  get said(): Map<string, number> {
    return new Map(this.members.map(({ name, said }) => [name, said]))
  }

  /** One more, who is silent. */
  async join(name: string): Promise<Member> {
    const socket = await this.#open(this.#port)
    const member = new Member(name, this, socket)
    this.members.push(member)
    await member.join()
    return member
  }

  /** So many more, who talk. */
  async begin(count: number): Promise<void> {
    const first = this.members.length
    const names = Array.from({ length: count }, (_, n) => `m${first + n}`)
    for (const member of await Promise.all(names.map((name) => this.join(name))))
      this.#running.push(this.#talk(member))
  }

  /** Others come, talk a little, and go, one after the other; until the end. */
  comeAndGo(name: string): void {
    const run = async (): Promise<void> => {
      for (let n = 0; !this.#over.signal.aborted; n++) {
        const guest = await this.join(`${name}.${n}`)
        await guest.say()
        // Not until it has read something: in the end nobody talks any more.
        await this.#pause(200)
        await guest.say()
        await guest.leave()
      }
    }
    this.#running.push(run())
  }

  /** Settles at some moment, when somebody has read some lines. */
  async later(lines: number = 30 + random(200)): Promise<void> {
    const open = this.members.filter(({ isOpen }) => isOpen)
    await open[random(open.length)]?.hears(lines)
  }

  /** All say no more, and have read whatever those said that are still there. @returns what went wrong */
  async stop(): Promise<string[]> {
    this.#over.abort()
    await Promise.race([Promise.all(this.#running), delay(longestWay, undefined, { ref: false })])
    const open = this.members.filter(({ isOpen }) => isOpen)
    await Promise.all(open.map((one) => one.hasAllOf(open)))
    // What came twice may come later still.
    for (const one of open) void one.say()
    await Promise.all(open.map((one) => one.hasAllOf(open)))
    return this.members.flatMap(({ faults }) => faults)
  }

  /** Which processes have written to those that are there. */
  get pids(): Set<number> {
    // Who has only just come has heard from none.
    const heard = this.members.filter(({ isOpen, pid }) => isOpen && pid > 0)
    return new Set(heard.map(({ pid }) => pid))
  }

  /** The names of those whose connections are closed. */
  get lost(): string[] {
    return this.members.filter(({ isOpen }) => !isOpen).map(({ name }) => name)
  }

  end(): void {
    for (const member of this.members) member.end()
  }

  /** For so long at most, and until the end. */
  async #pause(longest: number): Promise<void> {
    const { signal } = this.#over
    await delay(random(longest), undefined, { signal }).catch(() => {})
  }

  async #talk(member: Member): Promise<void> {
    while (!this.#over.signal.aborted && member.isOpen) {
      await this.#pause(longestSilence)
      await member.say()
    }
  }
}

function random(below: number): number {
  return Math.floor(Math.random() * below)
}
