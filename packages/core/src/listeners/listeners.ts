import { type EventEmitter, errorMonitor } from 'node:events'
import { rmSync } from 'node:fs'
import type { Server } from 'node:net'
import type { Awaitable } from '../generation/options.js'
import type { HandedListener, TicketKeys } from '../handover/handover.js'
import { type ListenAddress, nameOf, nameOfBound } from '../node/address.js'
import {
  bind,
  bindFailed,
  boundAddress,
  type Handle,
  handleOf,
  interceptListen,
  type ListenCall,
} from '../node/handle.js'
import { type Inheritance, openInherited } from './inheritance.js'
import { Listener } from './listener.js'
import { bindAt, occupantOf, publishSocket, temporaryPath } from './unixsocket.js'

/** The `beforeBegin` of one app, beside those of the process. */
export type Begin = (address: ListenAddress) => Awaitable<void>

/** What the registry needs to know of the generation, and tells it. */
export interface ListenersOwner {
  /** Whether what listens now must accept nothing before `accept()`. */
  gated(): boolean
  /** Whether somebody waits between binding and accepting. */
  hasBegin(own: Begin | undefined): boolean
  begin(address: ListenAddress, own: Begin | undefined): Promise<void>
  listening(listener: Listener): void
  /** No `listen()` is under way any more: each has come to something, or to nothing. */
  settled(): void
  /** A `beforeBegin` threw. */
  beginFailed(server: Server, error: unknown): void
  /** The kernel refused; Node tells the app itself. */
  refused(server: Server, error: unknown): void
  /** Whether it is this generation's, and not still that of a predecessor that serves. */
  owns(listener: Listener): boolean
  /** The app closed the server. */
  closed(listener: Listener): void
}

/** The listeners of a generation, by name. */
export class Listeners {
  readonly inheritance: Inheritance
  readonly #owner: ListenersOwner
  readonly #undo = new Map<Server, () => void>()
  readonly #pending = new Set<Listener>()
  readonly #alive = new Set<NodeJS.Timeout>()
  #all: Listener[] = []
  #waiting: (() => void)[] = []

  constructor(inheritance: Inheritance, owner: ListenersOwner) {
    this.inheritance = inheritance
    this.#owner = owner
  }

  get all(): readonly Listener[] {
    return this.#all
  }

  /** Whether a `listen()` is still between its call and its `listening`. */
  get pending(): boolean {
    return this.#pending.size > 0
  }

  /** Settles when none is. */
  settled(): Promise<void> {
    if (!this.pending) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** From here on each `listen()` of the server comes by here first. */
  attach(server: Server, begin?: Begin): void {
    if (this.#undo.has(server)) return
    const restore = interceptListen(server, (call, proceed) =>
      this.#take(server, call, proceed, begin),
    )
    const closed = (): void => this.#closed(server)
    server.on('close', closed)
    this.#undo.set(server, () => {
      restore()
      server.off('close', closed)
    })
  }

  /** Lets go of a server: what it listens on is the app's alone. */
  detach(server: Server): void {
    this.#undo.get(server)?.()
    this.#undo.delete(server)
    for (const listener of this.#all) if (listener.server === server) this.forget(listener)
  }

  /** Opens every gate. @returns the listeners that the kernel refused, with its errno */
  accept(): { listener: Listener; errno: number }[] {
    return this.#all
      .map((listener) => ({ listener, errno: listener.accept() }))
      .filter(({ errno }) => errno !== 0)
  }

  stop(): void {
    for (const listener of this.#all) listener.stop()
  }

  /** The drain is over. */
  close(): void {
    for (const listener of this.#all) listener.close()
  }

  /** Listens again on the successor's duplicates. @returns the names that have none */
  revive(duplicates: ReadonlyMap<string, Handle>): string[] {
    const missing: string[] = []
    for (const listener of this.#all) {
      const duplicate = duplicates.get(listener.name)
      if (duplicate) listener.revive(duplicate)
      else missing.push(listener.name)
    }
    return missing
  }

  parcel(): HandedListener[] {
    return this.#all.flatMap((listener) => listener.parcel() ?? [])
  }

  ticketKeys(): TicketKeys {
    return Object.fromEntries(
      this.#all.flatMap(({ name, ticketKeys }) => (ticketKeys ? [[name, ticketKeys]] : [])),
    )
  }

  takeTicketKeys(keys: TicketKeys): void {
    for (const listener of this.#all)
      if (listener.inheritedAs !== undefined) listener.takeTicketKeys(keys[listener.inheritedAs])
  }

  unlink(): void {
    for (const listener of this.#all) if (this.#owner.owns(listener)) listener.unlink()
  }

  /** Closes every server and takes everything back that {@link Listeners.attach} did. */
  uninstall(): void {
    this.unlink()
    for (const [server, undo] of this.#undo) {
      undo()
      if (handleOf(server)) server.close()
    }
    this.#undo.clear()
    for (const alive of this.#alive) clearInterval(alive)
    this.#all = []
    this.inheritance.closeUnclaimed()
  }

  #take(server: Server, call: ListenCall, proceed: () => void, own: Begin | undefined): void {
    // A handle that is there already came from a cluster's primary or from listen(handle).
    if (handleOf(server)) {
      proceed()
      const address = server.address()
      const name = address ? nameOfBound(address) : nameOf(call)
      return this.#listening(new Listener(server, name, call))
    }
    const name = this.#freeName(nameOf(call))
    const inherited = this.inheritance.claim(call, name)
    const listener = new Listener(server, name, call, inherited)
    const held = this.#owner.gated()
    const hooked = this.#owner.hasBegin(own)
    const temporary = listener.path && !inherited ? temporaryPath(listener.path) : undefined
    const settle = (): void => this.#settle(listener, proceed)
    // Nothing to wait for: as synchronous as Node's own listen().
    if (!inherited && !held && !hooked && temporary === undefined) return settle()
    const handle = inherited ? openInherited(inherited) : bindBeside(call, temporary)
    if (typeof handle === 'number') return settle()
    if (bindFailed(handle)) {
      handle.close()
      return settle()
    }
    listener.place(handle, held, temporary)
    if (!hooked && temporary === undefined) return settle()
    void this.#wait(listener, handle, temporary, hooked ? own : null, settle)
  }

  /** What lies between binding and `listening`: a Unix socket's path, then the hooks. */
  async #wait(
    listener: Listener,
    handle: Handle,
    temporary: string | undefined,
    own: Begin | undefined | null,
    settle: () => void,
  ): Promise<void> {
    // A bound socket that does not listen yet keeps no event loop alive.
    const alive = setInterval(() => {}, 2 ** 30)
    this.#alive.add(alive)
    this.#pending.add(listener)
    try {
      const free = await this.#publishPath(listener, temporary)
      if (free && own !== null)
        await this.#owner.begin(boundAddress(handle) ?? listener.path ?? '', own)
      // The app may have closed the server meanwhile.
      if (listener.handle !== handle) return
      if (!free) listener.displace()
      settle()
    } catch (error) {
      if (listener.handle !== handle) return
      listener.displace()
      this.#owner.beginFailed(listener.server, error)
    } finally {
      clearInterval(alive)
      this.#alive.delete(alive)
      this.#pending.delete(listener)
      if (!this.pending) {
        for (const resolve of this.#waiting.splice(0)) resolve()
        this.#owner.settled()
      }
    }
  }

  /** @returns false where somebody else has the path: then Node says so, in its own words */
  async #publishPath(listener: Listener, temporary: string | undefined): Promise<boolean> {
    if (temporary === undefined || listener.path === undefined) return true
    const occupant = await occupantOf(listener.path)
    if (occupant === 'living' || occupant === 'no socket') return false
    listener.inode = publishSocket(temporary, listener.path)
    return true
  }

  /** Lets Node listen, and sees what came of it. */
  #settle(listener: Listener, proceed: () => void): void {
    proceed()
    this.#pending.delete(listener)
    if (listener.handle) return this.#listening(listener)
    // A monitor, so that an error that nobody listens for still throws as it would without us.
    const server: EventEmitter = listener.server
    server.once(errorMonitor, (error: unknown) => this.#owner.refused(listener.server, error))
  }

  #listening(listener: Listener): void {
    this.#all = [...this.#all.filter((one) => one.server !== listener.server), listener]
    this.#owner.listening(listener)
  }

  #closed(server: Server): void {
    const listener = this.#all.find((one) => one.server === server)
    if (listener && !listener.handle) this.#owner.closed(listener)
  }

  /** Forgets a listener that the app itself closed. */
  forget(listener: Listener): void {
    this.#all = this.#all.filter((one) => one !== listener)
    if (this.#owner.owns(listener)) listener.unlink()
  }

  /** Two listeners may ask for the same words only with port 0: those are numbered. */
  #freeName(name: string): string {
    const taken = new Set([...this.#all, ...this.#pending].map((one) => one.name))
    for (let n = 2, free = name; ; n++) {
      if (!taken.has(free)) return free
      free = `${name}#${n}`
    }
  }
}

function bindBeside(call: ListenCall, temporary: string | undefined): Handle | number {
  if (temporary === undefined) return bind(call)
  // Left over by a process that had our pid and was killed: in a container that is ordinary.
  rmSync(temporary, { force: true })
  return bindAt(temporary, (address) => bind({ ...call, address }))
}
