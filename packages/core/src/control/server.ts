import type { Server, Socket } from 'node:net'
import { resolve } from 'node:path'
import { unlinkSocket } from '../node/index.js'
import { controlListener } from './mark.js'
import { type ControlHandler, Peer } from './peer.js'
import { listenAt } from './socketfile.js'

/**
 * Answers what is asked over a control socket: JSON lines, any number of requests at a time. Whatever a
 * client sends, or does not read, harms nobody else.
 */
export class ControlServer {
  readonly #handle: ControlHandler
  readonly #peers = new Set<Peer>()
  readonly #accept = (socket: Socket): void => this.#meet(socket)
  #server: Server | undefined
  #file: { readonly path: string; readonly inode: number } | undefined
  #isAttached = false
  #isUnref = false

  constructor(handle: ControlHandler) {
    this.#handle = handle
  }

  /**
   * Makes the socket at this path, which nobody but this user may use: the directory is made with mode
   * 0700 where it is missing, the socket has 0600. A stale socket is replaced.
   * @throws EndlessError `ERR_ENDLESS_CONTROL` where a service answers there already, and where others
   *   may write to the directory
   */
  async listen(path: string): Promise<this> {
    const server = controlListener()
    server.on('connection', this.#accept)
    // The directory of the process may change until the socket is unlinked.
    const absolute = resolve(path)
    const inode = await listenAt(server, absolute)
    // A connection that the kernel could not give us (no file descriptors left) ends no process.
    server.on('error', () => {})
    this.#take(server)
    this.#file = { path: absolute, inode }
    return this
  }

  /**
   * Answers at a server that somebody else has made listen, and goes on to own: one that was inherited
   * over an upgrade. {@link close} leaves it, and its file, alone.
   */
  attach(server: Server): this {
    this.#isAttached = true
    server.on('connection', this.#accept)
    this.#take(server)
    return this
  }

  /** Keeps no process alive, neither by listening nor by a connection. */
  unref(): this {
    this.#isUnref = true
    this.#server?.unref()
    for (const peer of this.#peers) peer.unref()
    return this
  }

  /**
   * Takes no more requests; those that still run are aborted, and answered with an error. Unlinks the
   * socket, unless another one stands there by now. Answers that were given get to their clients.
   */
  async close(): Promise<void> {
    const server = this.#server
    if (!server) return
    this.#server = undefined
    server.off('connection', this.#accept)
    if (this.#file) unlinkSocket(this.#file.path, this.#file.inode)
    const closed = this.#isAttached
      ? undefined
      : new Promise<void>((done) => server.close(() => done()))
    await Promise.all([...this.#peers].map((peer) => peer.leave()))
    await closed
  }

  #take(server: Server): void {
    this.#server = server
    if (this.#isUnref) server.unref()
  }

  #meet(socket: Socket): void {
    const peer = new Peer(socket, this.#handle, (gone) => this.#peers.delete(gone))
    this.#peers.add(peer)
    if (this.#isUnref) peer.unref()
  }
}
