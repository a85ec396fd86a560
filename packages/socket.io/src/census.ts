import { type Asked, Inquiry } from './inquiry.js'
import type { Adapter, InsideServer, Namespace, Packet, Socket, Targets } from './internals.js'
import type { Members } from './members.js'
import { wrap } from './parcel.js'
import type { Post } from './post.js'
import type { Answer, Question } from './question.js'
import { type Details, pack, type Told, unpacked } from './witness.js'

/** For so long others may take to answer, in ms, where the app does not say: as with the adapters of a cluster. */
const longest = 5_000

type Ack = (error: Error | null, values: readonly unknown[]) => void

/** What is asked of all processes, for the in-memory adapter, which knows the sockets of its own. */
export class Census {
  readonly #io: InsideServer
  readonly #post: Post
  readonly #members: Members
  readonly #isHere: (socket: Socket) => boolean
  /** A question that cannot be sent is one to this process. */
  readonly #hear: (question: Question) => void
  readonly #real = new WeakMap<Namespace, Adapter['broadcastWithAck']>()
  readonly #open = new Set<Inquiry>()

  constructor(
    io: InsideServer,
    post: Post,
    members: Members,
    isHere: (socket: Socket) => boolean,
    hear: (question: Question) => void,
  ) {
    this.#io = io
    this.#post = post
    this.#members = members
    this.#isHere = isHere
    this.#hear = hear
  }

  /** @returns takes it back */
  join(nsp: Namespace): () => void {
    const { adapter } = nsp
    const { broadcastWithAck, fetchSockets } = adapter
    this.#real.set(nsp, broadcastWithAck)
    adapter.fetchSockets = (targets) =>
      isLocal(targets) ? Reflect.apply(fetchSockets, adapter, [targets]) : this.#fetch(nsp, targets)
    adapter.broadcastWithAck = (packet, targets, count, ack) => {
      if (isLocal(targets) || this.#isAlone(nsp, targets))
        Reflect.apply(broadcastWithAck, adapter, [packet, targets, count, ack])
      else void this.#askClients(nsp, packet, targets, count, ack)
    }
    adapter.serverSideEmit = (values) => this.#emit(nsp, values)
    return () => {
      for (const name of ['broadcastWithAck', 'fetchSockets', 'serverSideEmit'])
        Reflect.deleteProperty(adapter, name)
    }
  }

  /** As it was before. */
  realOf(nsp: Namespace): Adapter['broadcastWithAck'] | undefined {
    return this.#real.get(nsp)
  }

  /** @param values where they are not in parcels */
  hear(answer: Answer, by: string, values?: readonly unknown[]): void {
    if (answer.to !== this.#members.me) return
    const told = values ?? answer.parcels.flatMap((parcel) => unpacked(this.#io, parcel))
    for (const inquiry of this.#open) inquiry.hear(by, told, answer)
  }

  async #fetch(nsp: Namespace, targets: Targets): Promise<readonly object[]> {
    const found = new Map<string, Details>()
    const inquiry = this.#inquire(asked('fetch', nsp, targets), (value) => {
      const details = value as Details
      found.set(details.id, details)
    })
    await inquiry.ask(timeoutOf(targets) ?? longest).finally(() => this.#end(inquiry))
    return Array.from(found.values(), (details) => {
      const own = nsp.sockets.get(details.id)
      return own && this.#isHere(own) ? own : details
    })
  }

  async #askClients(
    nsp: Namespace,
    { type, data }: Packet,
    targets: Targets,
    count: (clients: number) => void,
    ack: (value: unknown) => void,
  ): Promise<void> {
    const ids = new Set<string>()
    const answered = new Set<string>()
    const question = asked('acks', nsp, targets)
    const parcel = wrap(this.#io, { type, nsp: nsp.name, data })
    const inquiry = this.#inquire({ ...question, parcel }, (value) => {
      const told = value as Told
      if ('ids' in told) {
        for (const id of told.ids) ids.add(id)
      } else if (!answered.has(told.id)) {
        answered.add(told.id)
        ack(told.value)
      }
    })
    const ms = timeoutOf(targets) ?? 0
    // Answers of clients come also after those of the processes.
    setTimeout(() => this.#end(inquiry), ms).unref()
    try {
      await inquiry.ask(ms)
    } catch {
      // Socket.IO says at the same time that it is too late.
      return
    }
    count(ids.size)
  }

  #emit(nsp: Namespace, values: unknown[]): void {
    const last = values.at(-1)
    const ack = typeof last === 'function' ? (last as Ack) : undefined
    const parcel = pack(this.#io, ack ? values.slice(0, -1) : values)
    const question = { ...asked('emit', nsp, { rooms: new Set() }), parcel, isMute: !ack }
    if (!ack) return void this.#send({ ...question, id: '' })
    const answers: unknown[] = []
    const inquiry = this.#inquire(question, (value) => void answers.push(value))
    void inquiry
      .ask(longest)
      .finally(() => this.#end(inquiry))
      .then(
        () => ack(null, answers),
        (error) => ack(error, answers),
      )
  }

  #inquire(about: Asked, found: (value: unknown) => void): Inquiry {
    const inquiry = new Inquiry(this.#members, about, (question) => this.#ask(question), found)
    this.#open.add(inquiry)
    return inquiry
  }

  #ask(question: Question): void {
    if (this.#send(question)) return
    this.#hear(question)
    throw new Error('the question could not be told to other processes')
  }

  #send(question: Question): boolean {
    return this.#post.send({ question, by: this.#members.me })
  }

  #end(inquiry: Inquiry): void {
    inquiry.close()
    this.#open.delete(inquiry)
  }

  /** Whether it is for one that is here. */
  #isAlone({ sockets }: Namespace, { rooms }: Targets): boolean {
    const [room] = rooms
    const socket = rooms.size === 1 ? sockets.get(room) : undefined
    return socket !== undefined && this.#isHere(socket)
  }
}

function asked(kind: Asked['kind'], nsp: Namespace, targets: Targets): Asked {
  const { rooms, except = new Set(), flags } = targets
  return { kind, nsp: nsp.name, rooms: [...rooms], except: [...except], flags }
}

function isLocal({ flags }: Targets): boolean {
  return Reflect.get(Object(flags), 'local') === true
}

function timeoutOf({ flags }: Targets): number | undefined {
  const ms: unknown = Reflect.get(Object(flags), 'timeout')
  return typeof ms === 'number' ? ms : undefined
}
