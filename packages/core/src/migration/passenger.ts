import type { Connection } from '../connections/index.js'
import type { Fact } from '../handover/index.js'
import {
  type Channel,
  destroyUnheard,
  type Frozen,
  freeze,
  holdReading,
  holdWriting,
  isBetweenRequests,
  restOf,
} from '../node/index.js'
import { answeringOn, carriageOf, headToReplay, setLeaving } from './carry.js'

/** A connection on its way to the successor, and what is done to it meanwhile. */
export class Passenger {
  readonly id: number
  readonly connection: Connection
  readonly lane: Channel
  /** Since when, from `performance.now()`. */
  readonly at: number = performance.now()
  /** Called with how long it took until it was taken, in ms. */
  readonly took: (ms: number) => void
  /** When it is given up, while it is waited for. */
  late: NodeJS.Timeout | undefined
  /** From the word that it is the successor's on, until the kernel has that. */
  #frozen: Frozen | undefined
  /** Of before its clock was stopped. */
  #fact: Fact | undefined
  /** Reads on, where reading is held. */
  #readOn: (() => void) | undefined
  /** Lets go of what was written since it is frozen. */
  #writeOn: (() => void) | undefined

  /** @param readOn where reading was held before: its client is always a request ahead */
  constructor(
    id: number,
    connection: Connection,
    lane: Channel,
    took: (ms: number) => void,
    readOn?: () => void,
  ) {
    this.id = id
    this.connection = connection
    this.lane = lane
    this.took = took
    this.#readOn = readOn
  }

  /** Whether the app says when it can go, and what goes along. */
  get isCarried(): boolean {
    return carriageOf(this.connection.socket) !== undefined
  }

  /** Whether it speaks HTTP, or did before, so that its request goes along. */
  get isReplayed(): boolean {
    return headToReplay(this.connection.socket) !== undefined
  }

  /** What is to be known of it. */
  get fact(): Fact {
    return this.#fact ?? factOf(this.connection)
  }

  /**
   * Where it has read all of a request: what its client asks next waits in the kernel, where it is answered no
   * later. What belongs to this request does not wait, or it would never end.
   */
  hold(): void {
    const { socket } = this.connection
    if (isBetweenRequests(socket)) this.#readOn ??= holdReading(socket)
  }

  /** @returns whether it stands still; not where it is closed, or is on another way already */
  freeze(): boolean {
    if (!this.isCarried) this.#fact = factOf(this.connection)
    this.#frozen = freeze(this.connection.socket)
    return this.#frozen !== undefined
  }

  /** The app may write at any time, and what it knows of it is asked now. @returns whether that can be said */
  pack(factOfApp: (connection: Connection) => Fact | undefined): boolean {
    this.#writeOn = holdWriting(this.connection.socket)
    this.#fact = factOfApp(this.connection)
    setLeaving(this.connection.socket, this.#fact !== undefined)
    return this.#fact !== undefined
  }

  /** It is read from and written to again, as if nothing had been. */
  stay(): void {
    this.#frozen?.thaw()
    this.#readOn?.()
    this.#writeOn?.()
    setLeaving(this.connection.socket, false)
  }

  /** Closes our fd alone: the connection lives as long as one of its fds does. */
  leave(): void {
    const { closed, socket } = this.connection
    const answering = answeringOn(socket)
    answering?.part()
    if (this.isCarried && !answering) destroyUnheard(socket, closed)
    else socket.destroy()
  }
}

function factOf({ requests, socket }: Connection): Fact {
  // One that never sent a byte has no time of its own: it is as good as new.
  const rest = requests > 0 ? restOf(socket) : undefined
  return { requests, ...(rest !== undefined && { rest }) }
}
