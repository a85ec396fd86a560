import type { Upgrader } from '@endlessjs/core'
import type { Client, InsideServer, Namespace, Socket } from './internals.js'
import { Post } from './post.js'
import { Rooms } from './rooms.js'
import { keep, sessionsOf } from './sessions.js'

/** Those of Socket.IO itself, with and without recovery. */
const inMemory = ['Adapter', 'SessionAwareAdapter']

export function isInMemory({ sockets }: InsideServer): boolean {
  return inMemory.includes(sockets.adapter.constructor.name)
}

/**
 * What the processes of a service have to tell each other; a channel is opened only where there is something: it
 * keeps a generation until those before it are gone.
 */
export class Mail {
  readonly #io: InsideServer
  readonly #post: Post | undefined
  readonly #rooms: Rooms | undefined
  /** What is said is said here: Socket.IO keeps its own sessions itself. */
  #isOwn = false

  /** @param isHere whether one is here, and stays for now */
  constructor(
    io: InsideServer,
    upgrader: Upgrader,
    rooms: boolean,
    isHere: (socket: Socket) => boolean,
  ) {
    this.#io = io
    const recovers = Array.isArray(io.sockets.adapter.packets)
    if (!rooms && !recovers) return
    this.#post = new Post(io, upgrader, ({ session, call }, to) => {
      if (session && !to && !this.#isOwn) keep(io, session)
      if (call) this.#rooms?.hear(call, to)
    })
    if (rooms) this.#rooms = new Rooms(io, this.#post, isHere)
  }

  /** @returns takes it back */
  opens(nsp: Namespace): () => void {
    return this.#rooms?.join(nsp) ?? (() => {})
  }

  /** It has to come back, and may recover wherever it comes to. */
  leaves(client: Client): void {
    if (!this.#post) return
    this.#isOwn = true
    for (const session of sessionsOf(this.#io, client)) this.#post.send({ session })
    this.#isOwn = false
  }

  close(): void {
    this.#post?.close()
  }
}
