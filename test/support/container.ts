import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { bin, Fleet, type FleetStart, type Outcome } from './fleet.js'
import { within } from './service.js'

const run = promisify(execFile)
const namespace = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc']

/** What runs in a container, by its own pid there. */
export interface Inside {
  readonly pid: number
  readonly command: string
  /** `Z` is a zombie. */
  readonly state: string
}

/** `endless start` in a pid namespace of its own, as a container has it: as pid 1, or under an init that is. */
export class Container implements AsyncDisposable {
  readonly fleet: Fleet
  /** Of pid 1, as the host sees it. */
  readonly first: number

  private constructor(fleet: Fleet, first: number) {
    this.fleet = fleet
    this.first = first
  }

  /** @param init the words before the command, such as those of tini */
  static async start(init: readonly string[], start: FleetStart = {}): Promise<Container> {
    const fleet = await Fleet.start({ ...start, wrapper: [...namespace, ...init] })
    const { pid } = fleet.service
    for (;;) {
      const first = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim())
      // It forks a moment later.
      if (first > 0) return new Container(fleet, first)
      await delay(5)
    }
  }

  /** `docker exec`: the command runs inside. */
  async exec(...words: readonly string[]): Promise<Outcome> {
    const node = [process.execPath, bin, ...words, '--control', this.fleet.control]
    const enter = ['--target', String(this.first), '--pid', '--mount', ...node]
    const ended = run('nsenter', enter).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: Outcome & { code: number }) => error,
    )
    const { code, stdout, stderr } = await within(ended, words.join(' '), () =>
      this.fleet.transcript(),
    )
    return { code, stdout, stderr }
  }

  /** `docker kill -s`: to pid 1. */
  signal(signal: NodeJS.Signals): void {
    process.kill(this.first, signal)
  }

  /** Everything that runs inside. */
  processes(): Inside[] {
    const proc = `/proc/${this.first}/root/proc`
    return readdirSync(proc)
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        try {
          const [, command = '', state = ''] =
            /^\d+ \((.*)\) (\S)/.exec(readFileSync(`${proc}/${name}/stat`, 'utf8')) ?? []
          return { pid: Number(name), command, state }
        } catch {
          // Gone meanwhile.
          return []
        }
      })
  }

  zombies(): Inside[] {
    return this.processes().filter(({ state }) => state === 'Z')
  }

  /** Settles with the exit code of the container. */
  async ended(): Promise<number | null> {
    const { exited } = this.fleet.service
    return (await within(exited, 'the end of the container', () => this.fleet.transcript())).code
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fleet[Symbol.asyncDispose]()
  }
}
