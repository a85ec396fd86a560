import { type EventEmitter, errorMonitor } from 'node:events'
import type { Server } from 'node:net'
import {
  bind,
  bindAt,
  bindFailed,
  boundAddress,
  type Handle,
  handleOf,
  type ListenCall,
  nameOf,
  nameOfBound,
  occupantOf,
  publishSocket,
  removeSocket,
  temporaryPath,
} from '../node/index.js'
import { type Inheritance, openInherited } from './inheritance.js'
import { Listener } from './listener.js'
import type { Begin, ListenersOwner } from './owner.js'

/** The way of each `listen()`, from its call until the server listens. */
export class Bindings {
  readonly #inheritance: Inheritance
  readonly #owner: ListenersOwner
  readonly #known: () => readonly Listener[]
  readonly #bound: (listener: Listener) => void
  readonly #pending = new Set<Listener>()
  /** Called, and not here yet: Node looks the host up. */
  readonly #expected = new Map<Server, () => void>()
  readonly #alive = new Set<NodeJS.Timeout>()
  #waiting: (() => void)[] = []

  /**
   * @param known the listeners that there are, whose names are taken
   * @param bound told of each one more
   */
  constructor(
    inheritance: Inheritance,
    owner: ListenersOwner,
    known: () => readonly Listener[],
    bound: (listener: Listener) => void,
  ) {
    this.#inheritance = inheritance
    this.#owner = owner
    this.#known = known
    this.#bound = bound
  }

  /** Whether a `listen()` is still between its call and its `listening`. */
  get pending(): boolean {
    return this.#pending.size > 0 || this.#expected.size > 0
  }

  /** `listen()` was called: it comes by here, or fails, or the server is closed before. */
  expect(server: Server): void {
    const emitter: EventEmitter = server
    const over = (): void => this.arrived(server)
    this.#expected.get(server)?.()
    this.#expected.set(server, () => void emitter.off(errorMonitor, over))
    emitter.once(errorMonitor, over)
  }

  /** Nobody waits for it any more: it is here, or nothing comes of it. */
  arrived(server: Server): void {
    const forget = this.#expected.get(server)
    forget?.()
    if (this.#expected.delete(server)) this.#settleIfDone()
  }

  /** Settles when none is. */
  settled(): Promise<void> {
    if (!this.pending) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Keeps no event loop alive any more. */
  uninstall(): void {
    for (const alive of this.#alive) clearInterval(alive)
  }

  /** Takes one call of `listen()`; `proceed` is what Node would have done. */
  take(server: Server, call: ListenCall, proceed: () => void, own: Begin | undefined): void {
    try {
      this.#take(server, call, proceed, own)
    } finally {
      this.arrived(server)
    }
  }

  #take(server: Server, call: ListenCall, proceed: () => void, own: Begin | undefined): void {
    // A handle that is there already came from a cluster's primary or from listen(handle).
    if (handleOf(server)) {
      proceed()
      const address = server.address()
      const name = address ? nameOfBound(address) : nameOf(call)
      return this.#bound(new Listener(server, name, call))
    }
    const name = this.#freeName(nameOf(call))
    const inherited = this.#inheritance.claim(call, name)
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
      this.#settleIfDone()
    }
  }

  #settleIfDone(): void {
    if (this.pending) return
    for (const resolve of this.#waiting.splice(0)) resolve()
    this.#owner.settled()
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
    if (listener.handle) return this.#bound(listener)
    // A monitor, so that an error that nobody listens for still throws as it would without us.
    const server: EventEmitter = listener.server
    server.once(errorMonitor, (error: unknown) => this.#owner.refused(listener.server, error))
  }

  /** Two listeners may ask for the same words only with port 0: those are numbered. */
  #freeName(name: string): string {
    const taken = new Set([...this.#known(), ...this.#pending].map((one) => one.name))
    for (let n = 2, free = name; ; n++) {
      if (!taken.has(free)) return free
      free = `${name}#${n}`
    }
  }
}

function bindBeside(call: ListenCall, temporary: string | undefined): Handle | number {
  if (temporary === undefined) return bind(call)
  // Left over by a process that had our pid and was killed: in a container that is ordinary.
  removeSocket(temporary)
  return bindAt(temporary, (address) => bind({ ...call, address }))
}
