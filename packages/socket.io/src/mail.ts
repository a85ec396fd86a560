import type { Upgrader } from '@endlessjs/core'
import type { Arrivals } from './arrivals.js'
import { Census } from './census.js'
import type { Client, InsideServer, Namespace, Socket } from './internals.js'
import { Members } from './members.js'
import { type Letter, Post } from './post.js'
import { Rooms } from './rooms.js'
import { keep, sessionsOf } from './sessions.js'
import { Witness } from './witness.js'

/** Those of Socket.IO itself, with and without recovery. */
const inMemory = ['Adapter', 'SessionAwareAdapter']

export function isInMemory({ sockets }: InsideServer): boolean {
  return inMemory.includes(sockets.adapter.constructor.name)
}

/** What is known of clients: which are here and stay for now, and which are on their way. */
export interface Whereabouts {
  isHere(socket: Socket): boolean
  readonly arrivals: Arrivals | undefined
}

/** What processes tell each other where rooms are those of all. */
interface Together {
  readonly rooms: Rooms
  readonly census: Census
  readonly witness: Witness
  readonly members: Members
}

/**
 * What the processes of a service have to tell each other; a channel is opened only where there is something: it
 * keeps a generation until those before it are gone.
 */
export class Mail {
  readonly #io: InsideServer
  readonly #post: Post | undefined
  readonly #together: Together | undefined
  /** What is said is said here: Socket.IO keeps its own sessions itself. */
  #isOwn = false

  constructor(io: InsideServer, upgrader: Upgrader, rooms: boolean, where: Whereabouts) {
    this.#io = io
    const recovers = Array.isArray(io.sockets.adapter.packets)
    if (!rooms && !recovers) return
    this.#post = new Post(io, upgrader, (letter, to) => this.#read(letter, to))
    if (!rooms) return
    this.#together = together(io, upgrader, this.#post, where)
    this.#together.members.begin(upgrader)
  }

  /** @returns takes it back */
  opens(nsp: Namespace): () => void {
    if (!this.#together) return () => {}
    const undos = [this.#together.rooms.join(nsp), this.#together.census.join(nsp)]
    return () => {
      for (const undo of undos) undo()
    }
  }

  /** It has to come back, and may recover wherever it comes to. */
  leaves(client: Client): void {
    if (!this.#post) return
    this.#isOwn = true
    for (const session of sessionsOf(this.#io, client)) this.#post.send({ session })
    this.#isOwn = false
  }

  close(): void {
    this.#together?.members.close()
    this.#post?.close()
  }

  #read(letter: Letter, to: readonly unknown[] | undefined): void {
    const { session, call, question, answer, news = {}, by = '' } = letter
    if (session && !to && !this.#isOwn) keep(this.#io, session)
    if (!this.#together) return
    const { rooms, census, witness, members } = this.#together
    if (by && !to) members.hear(by, news)
    if (call) rooms.hear(call, to)
    if (question) witness.hear(question, by, to)
    if (answer && !to) census.hear(answer, by)
  }
}

function together(io: InsideServer, upgrader: Upgrader, post: Post, where: Whereabouts): Together {
  const isHere = (socket: Socket): boolean => where.isHere(socket)
  const members = new Members((news) => post.send({ news, by: members.me }))
  const { me } = members
  const census: Census = new Census(io, post, members, isHere, (question) =>
    witness.hear(question, me, undefined),
  )
  const witness = new Witness(
    io,
    upgrader,
    {
      me,
      send: (answer) => post.send({ answer, by: me }),
      hear: (values, answer) => census.hear(answer, me, values),
    },
    () => where.arrivals,
    (nsp) => census.realOf(nsp),
  )
  return { rooms: new Rooms(io, post, isHere), census, witness, members }
}
