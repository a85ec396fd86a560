import { closeSync } from 'node:fs'
import type { HandedListener } from '../handover/index.js'
import {
  type Asked,
  type Handle,
  type ListenAddress,
  nameOf,
  nameOfBound,
  openFd,
  unlinkSocket,
} from '../node/index.js'
import type { Activated } from './activation.js'

/** A bound socket that came with the process and waits for a `listen()` that asks for it. */
export interface Inherited {
  readonly name: string
  readonly fd: number
  readonly bound: ListenAddress
  readonly activated: boolean
  readonly alias?: string | undefined
  readonly inode?: number | undefined
  /** Where it was already opened to learn its address. */
  readonly handle?: Handle | undefined
}

/** The listeners that came from the predecessor or from systemd, until they are claimed. */
export class Inheritance {
  #waiting: Inherited[]

  constructor(handed: readonly HandedListener[], activated: readonly Activated[]) {
    const fromSystemd = activated.flatMap((one) =>
      one.handle ? [{ ...one, name: nameOfBound(one.bound), activated: true }] : [],
    )
    this.#waiting = [...handed, ...fromSystemd]
  }

  get unclaimed(): readonly Inherited[] {
    return this.#waiting
  }

  /** The fd of an unclaimed listener by the name that systemd gave it. */
  fdOf(alias: string): number | undefined {
    return this.#waiting.find((one) => one.alias === alias)?.fd
  }

  /**
   * Takes the listener that fits what is asked for: the same fd, the same words, the same bound
   * address (a port 0 that is now asked for by number), or a wildcard of the same port.
   */
  claim(asked: Asked, name: string): Inherited | undefined {
    const plain = nameOf(asked)
    const fits: ((one: Inherited) => boolean)[] = [
      (one) => one.fd === asked.fd,
      (one) => one.name === name,
      (one) => nameOfBound(one.bound) === plain,
      (one) =>
        isWildcard(one.bound) && portOf(one.bound) === asked.port && asksAnywhere(asked, one),
    ]
    for (const fit of fits) {
      const found = this.#waiting.find(fit)
      if (!found) continue
      this.#waiting = this.#waiting.filter((one) => one !== found)
      return found
    }
    return undefined
  }

  /** Removes the files of unclaimed Unix sockets that this service made. */
  unlinkUnclaimed(): void {
    for (const { bound, inode, activated } of this.#waiting)
      if (typeof bound === 'string' && inode !== undefined && !activated) unlinkSocket(bound, inode)
  }

  /** Closes what nobody claimed. @returns their names */
  closeUnclaimed(): string[] {
    for (const one of this.#waiting) {
      if (one.handle) one.handle.close()
      else closeSync(one.fd)
    }
    const names = this.#waiting.map((one) => one.name)
    this.#waiting = []
    return names
  }
}

/** The handle of a claimed listener; an errno where its fd is no listening socket (any more). */
export function openInherited(one: Inherited): Handle | number {
  return one.handle ?? openFd(one.fd)
}

/** One "every address" for the other; and what systemd binds is for systemd to say. */
function asksAnywhere({ address }: Asked, { activated }: Inherited): boolean {
  return activated || address === null || address === '::' || address === '0.0.0.0'
}

function isWildcard(bound: ListenAddress): boolean {
  return typeof bound !== 'string' && (bound.address === '::' || bound.address === '0.0.0.0')
}

function portOf(bound: ListenAddress): number | undefined {
  return typeof bound === 'string' ? undefined : bound.port
}
