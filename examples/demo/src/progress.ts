import { createLogUpdate } from 'log-update'
import { type Traffic, totalOf } from './traffic.js'

const redrawEvery = 200

/** What is seen of a run: lines that stay, and below them, on a terminal, one per load. */
export class Progress {
  readonly #live: ReturnType<typeof createLogUpdate> | undefined
  #loads: readonly Traffic[] = []
  #serving = ''
  #timer: NodeJS.Timeout | undefined

  constructor() {
    if (process.stdout.isTTY) this.#live = createLogUpdate(process.stdout)
  }

  say(line: string): void {
    if (this.#live) this.#live.persist(line)
    else console.log(line)
  }

  /** @param what release and pid */
  serves(what: string): void {
    this.#serving = what
  }

  watch(loads: readonly Traffic[]): void {
    this.#loads = loads
    if (this.#live) this.#timer = setInterval(() => this.#live?.(this.#status()), redrawEvery)
  }

  /** Where no terminal shows it all the time, this is when it is said. */
  checkpoint(): void {
    if (!this.#live) console.log(this.#status())
  }

  end(): void {
    clearInterval(this.#timer)
    this.#live?.clear()
    this.#live?.done()
  }

  #status(): string {
    const lines = this.#loads.map(({ name, answers, failures }) => {
      const count = String(answers.total).padStart(7)
      return `  ${name.padEnd(15)} ${count} requests, ${totalOf(failures)} failures`
    })
    return [`${this.#serving} serves:`, ...lines].join('\n')
  }
}
