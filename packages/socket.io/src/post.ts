import type { ServiceChannel, Upgrader } from '@endlessjs/core'
import type { InsideServer } from './internals.js'
import type { News } from './members.js'
import type { Answer, Question } from './question.js'
import type { Call } from './rooms.js'
import type { Session } from './sessions.js'

/** What the processes of a service tell each other about a server of Socket.IO. */
export interface Letter {
  readonly session?: Session
  readonly call?: Call
  readonly question?: Question
  readonly answer?: Answer
  readonly news?: News
  /** Which process says it, where that matters. */
  readonly by?: string
}

/** Who reads it. @param to the connection that has just moved here, where nobody else is to hear of it */
export type Reader = (letter: Letter, to: readonly unknown[] | undefined) => void

/** By a channel, so that what moves meanwhile is told everything once. */
export class Post {
  readonly #channel: ServiceChannel<Letter>

  constructor(io: InsideServer, upgrader: Upgrader, read: Reader) {
    // One for each server that the app has: they differ by their paths.
    this.#channel = upgrader.channel<Letter>(`@endlessjs/socket.io ${io._path}`, read)
  }

  /** To all, us included. @returns whether it was sent; too much is not */
  send(letter: Letter): boolean {
    try {
      this.#channel.publish(letter)
      return true
    } catch (error) {
      process.emitWarning(`moveSocketIO: told to this process alone: ${error}`)
      return false
    }
  }

  close(): void {
    this.#channel.close()
  }
}
