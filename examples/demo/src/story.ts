import type { Entry } from './journal.js'
import type { Progress } from './progress.js'
import type { Releases, Version } from './releases.js'
import type { Service } from './service.js'
import type { Traffic } from './traffic.js'

/** A deploy that went well. */
interface Deploy {
  readonly version: Version
  /** From the signal until the successor serves, in ms. */
  readonly ready: number
  /** From there until the old process is gone, in ms. */
  readonly gone: number
  /** How many the old process still had to answer then. */
  readonly requests: number
  readonly exitCode: number
}

/** A deploy that was rolled back. */
interface Rollback {
  readonly version: Version
  /** From the signal until it was called off, in ms. */
  readonly after: number
  /** The line of the successor's stderr that tells what was wrong. */
  readonly reason: string
  /** Whether the pid file names the same process as before. */
  readonly samePid: boolean
}

/** What happened, as far as it came. */
export interface Outcome {
  readonly deploys: Deploy[]
  rollback?: Rollback
  /** Of the generation that was stopped at the end. */
  exitCode?: number
}

/** The deploys of one run, one after the other. */
export class Story {
  readonly outcome: Outcome = { deploys: [] }
  readonly #releases: Releases
  readonly #service: Service
  readonly #progress: Progress
  #generation = 0

  constructor(releases: Releases, service: Service, progress: Progress) {
    this.#releases = releases
    this.#service = service
    this.#progress = progress
  }

  async tell(loads: readonly Traffic[]): Promise<void> {
    await this.#serve('v1', loads)
    await this.#deploy('v2')
    await this.#serve('v2', loads)
    await this.#deploy('v3')
    await this.#serve('v3', loads)
    await this.#rollBack('v4')
    const before = answersOf('v3', loads)
    await this.#serve('v3', loads)
    this.#progress.say(`  v3 serves on: ${answersOf('v3', loads) - before} requests since then.`)
    this.#point('v3')
  }

  /** The end of the service; the loads have stopped. */
  async stop(): Promise<void> {
    const pid = this.#signal('SIGTERM', 'kill')
    this.outcome.exitCode = await this.#service.exited(pid)
    await this.#service.ended
  }

  /** Lets every load see enough of a release. */
  async #serve(version: Version, loads: readonly Traffic[]): Promise<void> {
    this.#progress.serves(`${version} (pid ${this.#service.pid})`)
    await Promise.all(loads.map(({ answers, enough }) => answers.more(version, enough)))
    this.#progress.checkpoint()
  }

  async #deploy(version: Version): Promise<void> {
    const { journal } = this.#service
    this.#point(version)
    const since = performance.now()
    const old = this.#signal('SIGHUP', 'kill -1')
    const serves = await this.#upgraded(old)
    if (!isServing(serves)) throw new Error(`${version} was not deployed: ${serves.text}`)
    this.#generation += 1
    this.#progress.serves(`${version} (pid ${serves.pid})`)
    const count = /finish: \d+ open, (\d+) requests/
    const drain = await journal.until(
      'Waiting for connections to finish',
      ({ pid, text }) => pid === old && count.test(text),
    )
    // An upgrade is refused for as long as the one before it has not come to its end.
    const exitCode = await this.#service.exited(old)
    this.outcome.deploys.push({
      version,
      ready: serves.at - since,
      gone: performance.now() - serves.at,
      requests: Number(count.exec(drain.text)?.[1]),
      exitCode,
    })
  }

  async #rollBack(version: Version): Promise<void> {
    this.#point(version)
    const since = performance.now()
    const old = this.#signal('SIGHUP', 'kill -1')
    const failed = await this.#upgraded(old)
    if (isServing(failed)) throw new Error(`${version} serves: ${failed.text}`)
    this.outcome.rollback = {
      version,
      after: failed.at - since,
      reason: failed.details.find((line) => /^\w*Error: /.test(line)) ?? 'none was logged',
      samePid: this.#service.pid === old,
    }
  }

  /** How an upgrade ends, well or not. */
  #upgraded(old: number): Promise<Entry> {
    const next = `Generation ${this.#generation + 1} serves`
    return this.#service.journal.until(
      `${next}" or "Upgrade failed`,
      ({ pid, text }) =>
        text.startsWith(next) || (pid === old && /^Upgrade (failed|refused)/.test(text)),
    )
  }

  #point(version: Version): void {
    this.#releases.switchTo(version)
    const release = `releases/${this.#releases.nameOf(version)}`
    this.#progress.say(`\n$ ln -s ${release} next && mv -T next current`)
  }

  #signal(signal: NodeJS.Signals, command: string): number {
    const { pid } = this.#service
    this.#progress.say(`$ ${command} ${pid}`)
    process.kill(pid, signal)
    return pid
  }
}

function isServing({ text }: Entry): boolean {
  return text.startsWith('Generation')
}

function answersOf(version: Version, loads: readonly Traffic[]): number {
  return loads.reduce((sum, { answers }) => sum + answers.of(version), 0)
}
