import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { EndlessError, messageOf } from '../errors.js'
import { changedAt, isLiving, startOf, wordsOf } from '../node/index.js'
import type { Generation } from './generation.js'

/** By how much the clocks of files and of processes may differ, in ms. */
const clockSkew = 1_000

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

  /**
   * Looks who is named in it.
   * @param relatives who may be: those that came before us
   * @param warn told of a living process that has nothing to do with it
   * @throws EndlessError `ERR_ENDLESS_PIDFILE` where another service has this file
   */
  claim(relatives: readonly number[], warn: (message: string) => void): void {
    const holder = this.#holder()
    if (holder === undefined || holder === process.pid || relatives.includes(holder)) return
    if (!isLiving(holder)) return
    const name = `pid ${holder} (${wordsOf(holder)?.join(' ').slice(0, 60) ?? 'not shown here'})`
    // Whoever lived already when the file was written is who wrote it; a later one only has its number.
    const [started, written] = [startOf(holder), changedAt(this.#path)]
    const isWriter =
      started !== undefined && written !== undefined && started <= written + clockSkew
    if (!isWriter) return warn(`The pid file ${this.#path} was stale: it named ${name}.`)
    throw new EndlessError(
      'ERR_ENDLESS_PIDFILE',
      `pid file ${this.#path}: it names ${name}, which lives and has written it: two services need two ` +
        'pid files; if that is no service of yours, remove the file',
    )
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
      const pid = Number.parseInt(readFileSync(this.#path, 'utf8'), 10)
      return pid > 0 ? pid : undefined
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
