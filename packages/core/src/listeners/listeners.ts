import type { Server } from 'node:net'
import { EndlessError } from '../errors.js'
import type { HandedListener, TicketKeys } from '../handover/index.js'
import { type Handle, handleOf, interceptListen, watchListen } from '../node/index.js'
import { Bindings } from './bindings.js'
import type { Inheritance } from './inheritance.js'
import type { Listener } from './listener.js'
import type { Begin, ListenersOwner } from './owner.js'

/** The listeners of a generation, by name. */
export class Listeners {
  readonly inheritance: Inheritance
  readonly #owner: ListenersOwner
  /** Of every server that is attached: also of a closed one, which may listen again or be forgotten. */
  #undo = new WeakMap<Server, () => void>()
  /** The `beforeBegin` of each. */
  readonly #begins = new WeakMap<Server, Begin>()
  /** Those that are not closed. */
  readonly #servers = new Set<Server>()
  readonly #bindings: Bindings
  #all: Listener[] = []
  #hasListened = false

  constructor(inheritance: Inheritance, owner: ListenersOwner) {
    this.inheritance = inheritance
    this.#owner = owner
    this.#bindings = new Bindings(
      inheritance,
      owner,
      () => this.#all,
      (listener) => this.#listening(listener),
    )
  }

  get all(): readonly Listener[] {
    return this.#all
  }

  /** By which other processes know it. */
  nameOf(listener: Listener): string {
    return this.#owner.isShared ? (listener.inheritedAs ?? listener.name) : listener.name
  }

  /** The one that others know by that name. */
  named(name: string): Listener | undefined {
    return this.#all.find((listener) => this.nameOf(listener) === name)
  }

  /** Whether a `listen()` is still between its call and its `listening`. */
  get pending(): boolean {
    return this.#bindings.pending
  }

  /** Settles when none is. */
  settled(): Promise<void> {
    return this.#bindings.settled()
  }

  /**
   * From here on each `listen()` of the server comes by here first; throws `ERR_ENDLESS_LISTENING` where
   * that is too late. What a later call brings holds from its next `listen()` on.
   */
  attach(server: Server, begin?: Begin): void {
    if (begin) this.#begins.set(server, begin)
    if (this.#undo.has(server)) return
    if (server.listening)
      throw new EndlessError(
        'ERR_ENDLESS_LISTENING',
        'this server listens already, so its socket is none that a successor could inherit: attach it ' +
          'before it listens (where a framework listens for you, hand it the server that you attached)',
      )
    const restore = interceptListen(server, (call, proceed) => {
      // It was closed when we left, and is the app's alone.
      if (!this.#undo.has(server)) return proceed()
      this.#servers.add(server)
      this.#bindings.take(server, call, proceed, this.#begins.get(server))
    })
    const stopWatching = watchListen(server, () => {
      this.#bindings.expect(server)
      return () => this.#bindings.arrived(server)
    })
    const closed = (): void => this.#closed(server)
    server.on('close', closed)
    this.#servers.add(server)
    this.#undo.set(server, () => {
      restore()
      stopWatching()
      this.#bindings.arrived(server)
      server.off('close', closed)
    })
  }

  /** Lets go of a server: what it listens on is the app's alone. */
  detach(server: Server): void {
    this.#undo.get(server)?.()
    this.#undo.delete(server)
    this.#begins.delete(server)
    this.#servers.delete(server)
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
      const duplicate = duplicates.get(this.nameOf(listener))
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
      this.#all.flatMap((one) => (one.ticketKeys ? [[this.nameOf(one), one.ticketKeys]] : [])),
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
    for (const server of this.#servers) {
      this.#undo.get(server)?.()
      if (handleOf(server)) server.close()
    }
    this.#servers.clear()
    this.#undo = new WeakMap()
    this.#bindings.uninstall()
    // Whoever waits for the 'close' of one that drained waits for nobody any more.
    this.close()
    this.#all = []
    this.inheritance.closeUnclaimed()
  }

  /** Whether there were some, and the app has closed them all. */
  get areClosed(): boolean {
    return this.#hasListened && this.#all.length === 0
  }

  #listening(listener: Listener): void {
    this.#hasListened = true
    this.#all = [...this.#all.filter((one) => one.server !== listener.server), listener]
    this.#owner.listening(listener)
  }

  #closed(server: Server): void {
    this.#bindings.arrived(server)
    const listener = this.#all.find((one) => one.server === server)
    if (!handleOf(server)) this.#servers.delete(server)
    if (listener && !listener.handle) this.#owner.closed(listener)
  }

  /** Forgets a listener that the app itself closed. */
  forget(listener: Listener): void {
    this.#all = this.#all.filter((one) => one !== listener)
    if (this.#owner.owns(listener)) listener.unlink()
  }
}
