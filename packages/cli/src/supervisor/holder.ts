import {
  type HandedListener,
  type Handle,
  type HeldListener,
  unlinkSocket,
} from '@endlessjs/core/fleet'

interface Held {
  readonly facts: HeldListener
  readonly handle: Handle
}

/**
 * A duplicate of each listening socket, from which nobody here accepts: whoever is spawned inherits it, and
 * what waits in its queue is lost with no worker.
 */
export class Holder {
  readonly #held = new Map<string, Held>()

  hold(facts: HeldListener, handle: Handle): void {
    // It was handed up before, by this worker or another: one duplicate is enough.
    if (this.#held.has(facts.name)) handle.close()
    else this.#held.set(facts.name, { facts, handle })
  }

  get names(): string[] {
    return [...this.#held.keys()]
  }

  parcel(): HandedListener[] {
    return [...this.#held.values()].map(({ facts, handle }) => ({ ...facts, fd: handle.fd }))
  }

  /**
   * Lets go of what nobody accepts from any more: its clients would wait for ever. What systemd made stays.
   * @returns their names
   */
  keepOnly(names: ReadonlySet<string>): string[] {
    const gone = [...this.#held].filter(([name, { facts }]) => !names.has(name) && !facts.activated)
    for (const [name, held] of gone) {
      close(held)
      this.#held.delete(name)
    }
    return gone.map(([name]) => name)
  }

  /**
   * The service stops: from here on the workers alone have them, and whoever comes when the last one has stopped is
   * refused at once, not queued here and reset. A Unix socket stays until its file can go, and what systemd made.
   */
  leaveToWorkers(): void {
    for (const [name, { facts, handle }] of this.#held) {
      if (facts.activated || typeof facts.bound === 'string') continue
      handle.close()
      this.#held.delete(name)
    }
  }

  /** The service ends. */
  close(): void {
    for (const held of this.#held.values()) close(held)
    this.#held.clear()
  }
}

/** Removes the file of a Unix socket that this service made, unless another one stands there by now. */
function close({ facts, handle }: Held): void {
  const { bound, inode, activated } = facts
  if (typeof bound === 'string' && inode !== undefined && !activated) unlinkSocket(bound, inode)
  handle.close()
}
