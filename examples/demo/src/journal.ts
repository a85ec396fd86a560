import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { within } from './deadline.js'

/** What a process of the service has logged: a line, and the lines that belong to it. */
export interface Entry {
  readonly pid: number
  /** When it was read here, from `performance.now()`. */
  readonly at: number
  readonly text: string
  readonly details: string[]
}

const patience = 30_000
const dated = /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d (\d+) (.*)$/
const detail = /^ {2}\| (.*)$/

/** The log of all generations, as it comes. */
export class Journal {
  readonly entries: Entry[] = []
  readonly #watchers = new Set<(entry: Entry) => void>()

  /** @param heard told of each line, without its date */
  constructor(stream: Readable, heard: (line: string) => void) {
    createInterface({ input: stream }).on('line', (line) => this.#read(line, heard))
  }

  /** The first entry that matches, be it written already or still to come. */
  until(what: string, matches: (entry: Entry) => boolean, time: number = patience): Promise<Entry> {
    const written = this.entries.find(matches)
    if (written) return Promise.resolve(written)
    const coming = new Promise<Entry>((resolve) => {
      const watch = (entry: Entry): void => {
        if (!matches(entry)) return
        this.#watchers.delete(watch)
        resolve(entry)
      }
      this.#watchers.add(watch)
    })
    return within(time, `a log line that says "${what}"`, coming)
  }

  #read(line: string, heard: (line: string) => void): void {
    const [, more] = detail.exec(line) ?? []
    if (more !== undefined) {
      this.entries.at(-1)?.details.push(more)
      heard(line)
    }
    const [, pid, text] = dated.exec(line) ?? []
    if (pid === undefined || text === undefined) return
    const entry = { pid: Number(pid), at: performance.now(), text, details: [] }
    this.entries.push(entry)
    heard(`${pid} ${text}`)
    for (const watch of [...this.#watchers]) watch(entry)
  }
}
