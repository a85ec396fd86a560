import { between, type Random } from '../../../../../test/support/client/random.js'
import { type Arrival, Talk } from '../../../../core/src/talk/index.js'
import { Relay } from '../relay.js'
import type { Slot } from '../slot.js'
import type { Worker } from '../worker.js'

type Message = { readonly endless: string } & Record<string, unknown>
type Hear = (message: Message) => void

const supervisorPid = 1

/** What was written and not read yet, by one process to another; the last is that it is gone. */
class Pipe {
  readonly #unread: (() => void)[] = []
  hear: Hear = () => {}

  get isEmpty(): boolean {
    return this.#unread.length === 0
  }

  write(message: Message): void {
    // As it is on the wire: nobody shares an object.
    const text = JSON.stringify(message)
    this.#unread.push(() => this.hear(JSON.parse(text) as Message))
  }

  last(what: () => void): void {
    // A 'close' comes in a turn of its own.
    this.#unread.push(() => process.nextTick(what))
  }

  read(): void {
    this.#unread.shift()?.()
  }

  clear(): void {
    this.#unread.length = 0
  }
}

/** A client of a chat, who notices what is missing, comes twice or is out of order. */
export class Client {
  readonly id: number
  said = 0
  at: Process | undefined
  readonly #last = new Map<number, number>()
  readonly #before: ReadonlyMap<number, number>
  /** Where a process was killed, something may be missing. */
  readonly #world: Chatting

  constructor(world: Chatting, id: number, at: Process) {
    this.#world = world
    this.id = id
    this.at = at
    this.#before = new Map(world.clients.map((one) => [one.id, one.said]))
  }

  reads({ from, n }: { readonly from: number; readonly n: number }): void {
    const last = this.#last.get(from)
    this.#last.set(from, n)
    const latest = (this.#before.get(from) ?? 0) + 1
    const isNext = last === undefined ? n <= latest : n === last + 1
    const isLater = last === undefined || n > last
    if (this.#world.wasKilled ? !isLater : !isNext)
      this.#world.faults.push(
        `${this.id} read ${from}:${n} after ${last ?? `nothing before ${latest}`}`,
      )
  }

  /** What of somebody else it has not read in the end. */
  misses({ id, said }: Client): boolean {
    return said > (this.#before.get(id) ?? 0) && this.#last.get(id) !== said
  }
}

/** One process of a slot: its real talk, with everything between it and others in the hands of a test. */
export class Process {
  readonly pid: number
  readonly slot: Slot
  readonly talk: Talk
  readonly clients: Set<Client> = new Set()
  /** That have moved here, and whose handshake is replayed still. */
  readonly coming: Set<() => void> = new Set()
  readonly up: Pipe = new Pipe()
  readonly down: Pipe = new Pipe()
  readonly toOld: Pipe = new Pipe()
  /** Of what the one before it has said. */
  readonly fromOld: Pipe = new Pipe()
  readonly old: Process | undefined
  heir: Process | undefined
  successor: object | undefined
  state: 'starting' | 'serving' | 'draining' | 'gone' = 'starting'
  hasHandedOver = false
  /** It had a successor that served, and was never to be replaced by the one before it from then on. */
  isReleased = false
  isFinished = false
  readonly #world: Chatting
  readonly #room: { publish(message: { from: number; n: number }): void }
  #talkOfSupervisor: Hear = () => {}
  #words: Hear = () => {}
  /** Called when the one after it has read all that it had said, and finds that it is gone. */
  goneForHeir: () => void = () => {}
  /** As the one before it does. */
  goneForOld: () => void = () => {}

  constructor(world: Chatting, pid: number, slot: Slot, old: Process | undefined) {
    this.#world = world
    this.pid = pid
    this.slot = slot
    this.old = old
    const gone = new Promise<void>((resolve) => {
      if (old) old.goneForHeir = resolve
    })
    const predecessor = {
      handover: { predecessor: old?.pid ?? supervisorPid },
      gone,
      say: (word: Message, sent?: () => void) => this.#send(this.toOld, word, sent),
      onWord: (hear: Hear) => {
        this.#words = hear
      },
    }
    const supervisor = {
      pid: supervisorPid,
      gone: new Promise(() => {}),
      tell: (message: Message) => this.#send(this.up, message),
      onTalk: (hear: Hear) => {
        this.#talkOfSupervisor = hear
      },
    }
    const complain = (what: string, error?: unknown): void =>
      void world.faults.push(`${what} ${error ?? ''}`)
    this.talk = new Talk(predecessor as never, supervisor as never, {
      warn: complain,
      error: complain,
    })
    this.#room = this.talk.open<{ from: number; n: number }>('chat', (message, to) => {
      for (const client of (to as Client[] | undefined) ?? this.clients) client.reads(message)
    })
    this.down.hear = (message) => this.#talkOfSupervisor(message)
    this.fromOld.hear = (message) => this.#hearOld(message)
  }

  get isAlive(): boolean {
    return this.state !== 'gone'
  }

  get pipes(): Pipe[] {
    return [this.up, this.down, this.toOld, this.fromOld]
  }

  serve(): void {
    this.state = 'serving'
    this.talk.serve()
    this.#send(this.toOld, { endless: 'serving' })
  }

  say(client: Client): void {
    client.said++
    this.#room.publish({ from: client.id, n: client.said })
  }

  /** Says go to a successor. */
  go(heir: Process): void {
    this.heir = heir
    let left = (): void => {}
    const exited = new Promise<void>((resolve) => {
      left = resolve
    })
    let words: Hear = () => {}
    this.successor = {
      pid: heir.pid,
      exited,
      say: (word: Message, sent?: () => void) => this.#send(heir.fromOld, word, sent),
      onWord: (hear: Hear) => {
        words = hear
      },
    }
    heir.toOld.hear = (message) => {
      if (!this.isAlive) return
      if (message.endless !== 'serving') return words(message)
      // It was taken back, or another thing has happened.
      if (this.state !== 'serving') return
      this.state = 'draining'
      this.hasHandedOver = true
      this.isReleased = true
      this.talk.handOver(this.successor as never)
    }
    heir.goneForOld = left
    this.#send(heir.fromOld, { endless: 'go' })
    this.talk.join(this.successor as never)
  }

  /** One of its clients is the successor's. */
  move(client: Client, later: boolean): void {
    this.clients.delete(client)
    client.at = undefined
    const heard = this.talk.heardOf(this.successor as never)
    const word = { endless: 'yours', client: client.id, heard, later }
    if (this.heir) this.#send(this.heir.fromOld, word)
  }

  /** The successor failed: this one serves again. */
  takeBack(): void {
    this.state = 'serving'
    this.hasHandedOver = false
    this.talk.takeBack(this.successor as never)
    if (this.heir?.isAlive) this.heir.state = 'draining'
  }

  finish(): void {
    const over = this.hasHandedOver ? this.talk.finished() : this.talk.left()
    const { state, heir } = this
    void over.then(() => {
      // It may serve again by then, and have another one.
      this.isFinished = this.state === state && this.heir === heir
    })
  }

  /** All that it has said can still be read. */
  end(): void {
    this.state = 'gone'
    const { heir } = this
    this.down.clear()
    this.up.last(() => {
      ;(this.slot.living as Set<unknown>).delete(this)
      this.#world.relay.gone(this.slot, this as unknown as Worker)
    })
    this.toOld.last(this.goneForOld)
    heir?.fromOld.last(this.goneForHeir)
    this.fromOld.clear()
    heir?.toOld.clear()
    for (const client of this.clients) client.at = undefined
    this.clients.clear()
    this.coming.clear()
  }

  tell(message: Message): void {
    if (this.isAlive) this.down.write(message)
  }

  #send(pipe: Pipe, message: Message, sent: () => void = () => {}): void {
    if (this.isAlive) pipe.write(message)
    sent()
  }

  #hearOld(message: Message): void {
    if (!this.isAlive) return
    if (message.endless === 'go') return this.serve()
    if (message.endless !== 'yours') return this.#words(message)
    process.nextTick(() => this.#adopt(message))
  }

  #adopt({ client: id, heard, later }: Message): void {
    const client = this.#world.clients.find((one) => one.id === id)
    if (!client || !this.isAlive) return
    const arrival: Arrival = this.talk.expect(heard as number, later === true)
    const arrive = (): void => {
      this.clients.add(client)
      client.at = this
      arrival.is(client)
    }
    if (later) this.coming.add(arrive)
    else arrive()
  }
}

/** The slots of a fleet, with a chat, and what can happen to them. */
export class Chatting {
  readonly relay: Relay = new Relay()
  readonly processes: Process[] = []
  readonly clients: Client[] = []
  readonly faults: string[] = []
  readonly log: string[] = []
  wasKilled = false
  readonly #random: Random
  #pid = 100

  constructor(random: Random, slots: number) {
    this.#random = random
    for (let n = 0; n < slots; n++) {
      const slot = { index: n, living: new Set() } as unknown as Slot
      const first = this.#bear(slot, undefined)
      this.relay.appoint(slot, first as unknown as Worker)
      first.serve()
      first.toOld.clear()
    }
  }

  step(kills: boolean): void {
    const chances: readonly (readonly [number, () => void])[] = [
      [40, () => this.#read()],
      [14, () => this.#say()],
      [3, () => this.#join()],
      [1, () => this.#leave()],
      [2, () => this.#upgrade()],
      [8, () => this.#move()],
      [4, () => this.#arrive()],
      [0.7, () => this.#takeBack()],
      [3, () => this.#end()],
      [kills ? 0.5 : 0, () => this.#kill()],
    ]
    let at = this.#random() * chances.reduce((sum, [weight]) => sum + weight, 0)
    for (const [weight, happen] of chances) {
      at -= weight
      if (at < 0) return happen()
    }
  }

  /** Everything that was written is read. @returns whether there was something */
  drain(): boolean {
    const full = this.#pipes()
    for (const pipe of full) pipe.read()
    for (const { coming } of this.processes)
      for (const arrive of [...coming]) {
        coming.delete(arrive)
        arrive()
      }
    return full.length > 0
  }

  check(): void {
    const here = this.clients.filter(({ at }) => at)
    for (const one of here)
      for (const other of this.clients)
        if (one.misses(other)) this.faults.push(`${one.id} misses ${other.id}:${other.said}`)
  }

  #pipes(): Pipe[] {
    return this.processes.flatMap(({ pipes }) => pipes.filter(({ isEmpty }) => !isEmpty))
  }

  #read(): void {
    const pipe = this.#one(this.#pipes())
    // A chunk has several.
    for (let n = between(this.#random, 1, 4); n > 0; n--) pipe?.read()
  }

  #say(): void {
    const client = this.#one(this.clients.filter(({ at }) => at))
    client?.at?.say(client)
  }

  #join(): void {
    const at = this.#one(this.processes.filter(({ state }) => state === 'serving'))
    if (!at) return
    const client = new Client(this, this.clients.length, at)
    this.clients.push(client)
    at.clients.add(client)
  }

  #leave(): void {
    const client = this.#one(this.clients.filter(({ at }) => at))
    client?.at?.clients.delete(client)
    if (client) client.at = undefined
  }

  #upgrade(): void {
    const old = this.#one(
      this.processes.filter(
        ({ state, heir }) => state === 'serving' && !(heir?.state === 'starting'),
      ),
    )
    if (!old || old.heir?.state === 'serving' || old.heir?.isAlive) return
    this.#note(`${old.pid} hands over`)
    old.go(this.#bear(old.slot, old))
  }

  #move(): void {
    const old = this.#one(
      this.processes.filter(
        (one) => one.hasHandedOver && one.heir?.isAlive && one.clients.size > 0,
      ),
    )
    const client = old && this.#one([...old.clients])
    if (old && client) old.move(client, this.#random() < 0.4)
  }

  #arrive(): void {
    const at = this.#one(this.processes.filter(({ coming }) => coming.size > 0))
    const arrive = at && this.#one([...at.coming])
    if (arrive) at?.coming.delete(arrive)
    arrive?.()
  }

  #takeBack(): void {
    const old = this.#one(
      this.processes.filter((one) => one.hasHandedOver && one.isAlive && !one.heir?.isReleased),
    )
    if (!old || old.isFinished) return
    this.#note(`${old.pid} serves again`)
    old.takeBack()
  }

  #end(): void {
    const one = this.#one(
      this.processes.filter(
        ({ state, clients, coming }) => state === 'draining' && clients.size + coming.size === 0,
      ),
    )
    // One that failed while it was about to hand over ends that first.
    if (!one || (!one.hasHandedOver && one.heir?.isAlive)) return
    if (!one.isFinished) return one.finish()
    this.#note(`${one.pid} exits`)
    one.end()
  }

  #kill(): void {
    // Those on probation, and those that drain: a slot in which nobody is left is filled anew.
    const one = this.#one(
      this.processes.filter(
        ({ old, heir, isAlive }) => isAlive && ((old?.isAlive && !heir) || heir?.isAlive),
      ),
    )
    if (!one) return
    this.wasKilled = true
    this.#note(`${one.pid} is killed`)
    one.end()
    if (one.old?.hasHandedOver && one.old.isAlive) one.old.takeBack()
  }

  #bear(slot: Slot, old: Process | undefined): Process {
    const one = new Process(this, ++this.#pid, slot, old)
    ;(slot.living as Set<unknown>).add(one)
    one.up.hear = (message) => this.relay.hear(slot, one as unknown as Worker, message as never)
    this.processes.push(one)
    return one
  }

  #note(what: string): void {
    this.log.push(what)
  }

  #one<T>(all: readonly T[]): T | undefined {
    return all[Math.floor(this.#random() * all.length)]
  }
}
