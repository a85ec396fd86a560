import { closeSync } from 'node:fs'
import { EndlessError } from '../errors.js'
import { fdIn } from '../node/index.js'

/**
 * What can be passed on beside listeners: an fd, an `fs.FileHandle`, or anything with a libuv
 * handle (`net.Socket`, `net.Server`, `dgram.Socket`).
 */
export type Passable = number | { readonly fd: number } | object

/** Sockets and files that go from generation to generation by name (tableflip's `Fds`). */
export class Files {
  readonly #inherited: Map<string, number>
  readonly #used = new Map<string, () => number>()

  constructor(inherited: Iterable<readonly [name: string, fd: number]> = []) {
    this.#inherited = new Map(inherited)
  }

  /** @returns takes it out again, without closing it */
  add(name: string, file: Passable): () => void {
    const fd = (): number => fdOf(name, file)
    fd()
    this.#used.set(name, fd)
    return () => {
      if (this.#used.get(name) === fd) this.#used.delete(name)
    }
  }

  /** The inherited fd of that name: from here on the caller's, and passed on again. */
  take(name: string): number | undefined {
    const fd = this.#inherited.get(name)
    if (fd === undefined) return this.#used.get(name)?.()
    this.#inherited.delete(name)
    this.#used.set(name, () => fd)
    return fd
  }

  /** What goes to the successor. */
  parcel(): { name: string; fd: number }[] {
    return [...this.#used].map(([name, fd]) => ({ name, fd: fd() }))
  }

  /** Closes what nobody took. @returns their names */
  closeUnclaimed(): string[] {
    const names = [...this.#inherited.keys()]
    for (const fd of this.#inherited.values()) closeSync(fd)
    this.#inherited.clear()
    return names
  }
}

function fdOf(name: string, file: Passable): number {
  const fd = typeof file === 'number' ? file : fdIn(file)
  if (!Number.isInteger(fd) || fd < 0)
    throw new EndlessError(
      'ERR_ENDLESS_OPTION',
      `addFile("${name}"): expected an open fd, FileHandle, socket or server, received one ` +
        'without an fd: is it open (listening, connected, bound)?',
    )
  return fd
}
