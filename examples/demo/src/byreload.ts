import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Deploy, Operator, Rollback } from './operator.js'
import type { Progress } from './progress.js'
import type { Version } from './releases.js'
import { bin, isAlive, type Service } from './service.js'

/** What a run of the command came to. */
interface Run {
  readonly code: number
  readonly stderr: string
}

/** `endless reload` to the supervisor, whose pid stays. */
export class ByReload implements Operator {
  readonly #service: Service
  readonly #progress: Progress
  /** Of the workers that serve, by slot. */
  #pids: ReadonlyMap<number, number> | undefined

  constructor(service: Service, progress: Progress) {
    this.#service = service
    this.#progress = progress
  }

  get serving(): string {
    const pids = [...this.#workers].sort(([a], [b]) => a - b).map(([, pid]) => pid)
    return `supervisor pid ${this.#service.pid}, workers ${pids.join(', ')}`
  }

  async deploy(version: Version, served: () => void): Promise<Deploy> {
    const since = performance.now()
    const before = this.#workers
    const serving = new Map<number, number>()
    let at = since
    const { code, stderr } = await this.#run('reload', (line) => {
      const [, slot, pid] = /^serving {2}slot (\d+), generation \d+, pid (\d+)/.exec(line) ?? []
      if (slot === undefined) return
      serving.set(Number(slot), Number(pid))
      if (serving.size < before.size) return
      at = performance.now()
      this.#pids = serving
      served()
    })
    if (code !== 0) throw new Error(`${version} was not deployed: exit code ${code}, ${stderr}`)
    const old = [...before.values()]
    const counts = await Promise.all(old.map((pid) => this.#service.requestsOf(pid)))
    const codes = await Promise.all(old.map((pid) => this.#service.exited(pid)))
    return {
      version,
      ready: at - since,
      gone: performance.now() - at,
      requests: counts.reduce((sum, count) => sum + count, 0),
      exitCode: codes.find((one) => one !== 0) ?? 0,
      outcome: `serves; endless reload: exit code ${code}; old workers: ${codes.join(', ')}`,
    }
  }

  async rollBack(version: Version): Promise<Rollback> {
    const since = performance.now()
    const { code, stderr } = await this.#run('reload')
    if (code === 0) throw new Error(`${version} serves`)
    const [, reason = 'none was said'] = /^\W*(\w*Error: .*)$/m.exec(stderr) ?? []
    return {
      version,
      after: performance.now() - since,
      reason: `${reason} (exit code ${code})`,
      isAsBefore: [...this.#workers.values()].every(isAlive),
    }
  }

  async stop(): Promise<number> {
    const { pid } = this.#service
    await this.#run('stop')
    return this.#service.exited(pid)
  }

  get #workers(): ReadonlyMap<number, number> {
    this.#pids ??= this.#service.workers
    return this.#pids
  }

  /** @param heard told of each line */
  async #run(command: string, heard: (line: string) => void = () => {}): Promise<Run> {
    const { cwd, env } = this.#service
    this.#progress.say(`$ npx endless ${command}`)
    const child = spawn(process.execPath, [bin, command], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#progress.say(`  ${line}`)
      heard(line)
    })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    const [code] = await once(child, 'close')
    return { code: Number(code ?? 1), stderr }
  }
}
