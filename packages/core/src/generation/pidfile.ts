import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { EndlessError, messageOf } from '../errors.js'
import type { Generation } from './generation.js'

/**
 * A file that names the newest ready generation. Prepared before the point of no return, so that a
 * directory that cannot be written fails a start and not a service; published by a rename.
 */
export class PidFile {
  readonly #path: string
  readonly #temporary: string

  constructor(path: string) {
    this.#path = resolve(path)
    this.#temporary = `${this.#path}.${process.pid}`
  }

  /** Writes the temporary file; throws `ERR_ENDLESS_PIDFILE`. */
  prepare(): void {
    this.#try(() => writeFileSync(this.#temporary, `${process.pid}\n`))
  }

  /** Writes it at once. */
  write(): void {
    this.prepare()
    this.publish()
  }

  /** Puts it in place; throws `ERR_ENDLESS_PIDFILE`. */
  publish(): void {
    this.#try(() => renameSync(this.#temporary, this.#path))
  }

  /** Takes a prepared file back. */
  discard(): void {
    try {
      rmSync(this.#temporary, { force: true })
    } catch {
      // force forgives ENOENT alone; where it could not be written, there is nothing to take back.
    }
  }

  /** Removes the file, unless it names another process by now. */
  remove(): void {
    this.#try(() => {
      if (this.#holder() === process.pid) rmSync(this.#path, { force: true })
    })
  }

  /**
   * Removes it when the process exits, whoever ends it: the app as well.
   * @param failed told why it could not
   * @returns lets it stay
   */
  removeAtExit(failed: (error: unknown) => void): () => void {
    const remove = (): void => {
      try {
        this.remove()
      } catch (error) {
        failed(error)
      }
    }
    process.once('exit', remove)
    return () => void process.off('exit', remove)
  }

  #holder(): number | undefined {
    try {
      return Number.parseInt(readFileSync(this.#path, 'utf8'), 10)
    } catch {
      // Gone or unreadable: then it does not hold our pid.
      return undefined
    }
  }

  #try(act: () => void): void {
    try {
      act()
    } catch (cause) {
      throw new EndlessError(
        'ERR_ENDLESS_PIDFILE',
        `pid file ${this.#path}: ${messageOf(cause)}; check that its directory exists and that ` +
          'this user may write there',
        { cause },
      )
    }
  }
}

/** Does it, and only logs what fails: a service that serves does not end over its pid file. */
export function tryPidFile(generation: Generation, act: () => void): void {
  try {
    act()
  } catch (error) {
    generation.error('The pid file is not up to date', error)
  }
}
