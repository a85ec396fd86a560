import type { Entry } from './journal.js'
import type { Deploy, Operator, Rollback } from './operator.js'
import type { Progress } from './progress.js'
import type { Version } from './releases.js'
import type { Service } from './service.js'

/** `kill -1` to the pid in the pid file. */
export class BySignal implements Operator {
  readonly #service: Service
  readonly #progress: Progress
  #generation = 0

  constructor(service: Service, progress: Progress) {
    this.#service = service
    this.#progress = progress
  }

  get serving(): string {
    return `pid ${this.#service.pid}`
  }

  async deploy(version: Version, served: () => void): Promise<Deploy> {
    const since = performance.now()
    const old = this.#signal('SIGHUP', 'kill -1')
    const serves = await this.#upgraded(old)
    if (!isServing(serves)) throw new Error(`${version} was not deployed: ${serves.text}`)
    this.#generation += 1
    served()
    const requests = await this.#service.requestsOf(old)
    // Each deploy is told on its own: the next one begins when this one has come to its end.
    const exitCode = await this.#service.exited(old)
    return {
      version,
      ready: serves.at - since,
      gone: performance.now() - serves.at,
      requests,
      exitCode,
      outcome: `serves; old process: exit code ${exitCode}`,
    }
  }

  async rollBack(version: Version): Promise<Rollback> {
    const since = performance.now()
    const old = this.#signal('SIGHUP', 'kill -1')
    const failed = await this.#upgraded(old)
    if (isServing(failed)) throw new Error(`${version} serves: ${failed.text}`)
    return {
      version,
      after: failed.at - since,
      reason: failed.details.find((line) => /^\w*Error: /.test(line)) ?? 'none was logged',
      isAsBefore: this.#service.pid === old,
    }
  }

  stop(): Promise<number> {
    return this.#service.exited(this.#signal('SIGTERM', 'kill'))
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
