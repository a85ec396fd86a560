import type { Socket } from 'node:net'
import type { Said } from '../handover/index.js'

/** Of connections whose clients are not there yet. */
const awaited = new WeakMap<Socket, Arrival>()

/**
 * A connection has moved here, and what the app makes of it is there now: it gets what it has missed on its way. For
 * packages on top, of a protocol whose handshake is replayed; of any other connection nothing is awaited.
 * @param client what handlers of channels are called with
 */
export function arrived(socket: Socket, client: unknown): void {
  awaited.get(socket)?.is(client)
}

/** What a client misses that is on its way here: neither the predecessor nor the channels of this process tell it. */
export class Arrival {
  readonly #missed: Said[]
  readonly #replay: (said: Said, client: unknown) => void
  readonly #over: (arrival: Arrival) => void
  #socket: Socket | undefined

  /**
   * @param missed what was said before it came
   * @param over called when nothing is missed any more
   */
  constructor(
    missed: readonly Said[],
    replay: (said: Said, client: unknown) => void,
    over: (arrival: Arrival) => void,
  ) {
    this.#missed = [...missed]
    this.#replay = replay
    this.#over = over
  }

  /** Said while it is not there. */
  misses(said: Said): void {
    this.#missed.push(said)
  }

  /** Its client is known by {@link arrived}. */
  comesBy(socket: Socket): void {
    this.#socket = socket
    awaited.set(socket, this)
    socket.once('close', () => this.drop())
  }

  is(client: unknown): void {
    this.drop()
    for (const said of this.#missed.splice(0)) this.#replay(said, client)
  }

  /** It does not come. */
  drop(): void {
    if (this.#socket) awaited.delete(this.#socket)
    this.#over(this)
  }
}
