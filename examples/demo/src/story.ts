import type { Deploy, Operator, Rollback } from './operator.js'
import type { Progress } from './progress.js'
import type { Releases, Version } from './releases.js'
import type { Service } from './service.js'
import type { Traffic } from './traffic.js'

/** What happened, as far as it came. */
export interface Outcome {
  readonly deploys: Deploy[]
  rollback?: Rollback
  /** Of the service, which was stopped at the end. */
  exitCode?: number
}

/** The deploys of one run, one after the other. */
export class Story {
  readonly outcome: Outcome = { deploys: [] }
  readonly #releases: Releases
  readonly #service: Service
  readonly #operator: Operator
  readonly #progress: Progress

  constructor(releases: Releases, service: Service, operator: Operator, progress: Progress) {
    this.#releases = releases
    this.#service = service
    this.#operator = operator
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
    this.outcome.exitCode = await this.#operator.stop()
    await this.#service.ended
  }

  /** Lets every load see enough of a release. */
  async #serve(version: Version, loads: readonly Traffic[]): Promise<void> {
    this.#progress.serves(`${version} (${this.#operator.serving})`)
    await Promise.all(loads.map(({ answers, enough }) => answers.more(version, enough)))
    this.#progress.checkpoint()
  }

  async #deploy(version: Version): Promise<void> {
    this.#point(version)
    const served = (): void => this.#progress.serves(`${version} (${this.#operator.serving})`)
    this.outcome.deploys.push(await this.#operator.deploy(version, served))
  }

  async #rollBack(version: Version): Promise<void> {
    this.#point(version)
    this.outcome.rollback = await this.#operator.rollBack(version)
  }

  #point(version: Version): void {
    this.#releases.switchTo(version)
    const release = `releases/${this.#releases.nameOf(version)}`
    this.#progress.say(`\n$ ln -s ${release} next && mv -T next current`)
  }
}

function answersOf(version: Version, loads: readonly Traffic[]): number {
  return loads.reduce((sum, { answers }) => sum + answers.of(version), 0)
}
