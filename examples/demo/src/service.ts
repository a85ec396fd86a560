import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { within } from './deadline.js'
import { Journal } from './journal.js'
import type { Releases } from './releases.js'

const patience = 30_000
const pollEvery = 20
/** What a process has said is in the pipe when it is gone, and only has to be read. */
const toRead = 2_000

/** The command, as it is installed. */
export const bin: string = resolve(import.meta.dirname, '../../../packages/cli/bin/endless.js')

/** The service as a user starts it, `cd current && node server.js`, and all its processes. */
export class Service {
  readonly journal: Journal
  /** Settles when no process of it is left: they all hold the same stderr. */
  readonly ended: Promise<void>
  /** Where it was started, and with what: who asks it needs both. */
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  readonly #isFleet: boolean
  readonly #child: ChildProcess
  readonly #pidFile: string
  readonly #firstExit: Promise<unknown>

  /**
   * @param workers how many a supervisor has; without it there is no supervisor
   * @param heard told of each line that is logged
   */
  constructor(releases: Releases, workers: number | undefined, heard: (line: string) => void) {
    const { root, current, pidFile } = releases
    const command = workers === undefined ? [] : [bin, 'start', '-w', String(workers)]
    this.cwd = current
    this.env = { ...process.env, PWD: current, XDG_RUNTIME_DIR: root, PORT: '0', PID_FILE: pidFile }
    this.#isFleet = workers !== undefined
    // A process group of its own: whatever goes wrong here, all of it can be ended at once.
    const child = spawn(process.execPath, [...command, 'server.js'], {
      cwd: this.cwd,
      env: this.env,
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    })
    this.#child = child
    this.#pidFile = pidFile
    this.#firstExit = once(child, 'exit')
    this.journal = new Journal(child.stderr, heard)
    this.ended = once(child, 'close').then(() => {})
  }

  /** The pid that the pid file names: whom a deploy signals, or the supervisor's, which stays. */
  get pid(): number {
    return Number(readFileSync(this.#pidFile, 'utf8'))
  }

  /** The pids of the workers that a supervisor has started itself, by slot. */
  get workers(): ReadonlyMap<number, number> {
    const found = this.journal.entries.flatMap(({ text }) => {
      const [, slot, pid] = /^Worker (\d+), pid (\d+), serves/.exec(text) ?? []
      return slot === undefined ? [] : [[Number(slot), Number(pid)] as const]
    })
    return new Map(found)
  }

  /** Settles with the port when it serves. */
  async ready(): Promise<number> {
    const serves = /^Generation 0 serves .*:(\d+)\.$/
    const up = this.journal.until('Generation 0 serves', ({ text }) => serves.test(text))
    const down = this.ended.then(() => {
      throw new Error('the service has ended before it was ready')
    })
    const { text } = await Promise.race([up, down])
    if (this.#isFleet) {
      const all = / serves: \d+ workers, /
      await this.journal.until('serves: … workers', (entry) => all.test(entry.text))
    }
    return Number(serves.exec(text)?.[1])
  }

  /** How many requests a process that has handed over had to answer then. */
  async requestsOf(pid: number): Promise<number> {
    const count = /finish: \d+ open, (\d+) requests/
    const drain = await this.journal.until(
      'Waiting for connections to finish',
      (entry) => entry.pid === pid && count.test(entry.text),
    )
    return Number(count.exec(drain.text)?.[1])
  }

  /** Settles with its exit code when this process is gone. */
  async exited(pid: number): Promise<number> {
    await within(patience, `process ${pid} exits`, this.#gone(pid))
    // Of our own child the kernel says how; of a grandchild there is what it said itself.
    const { exitCode, signalCode } = this.#child
    if (pid !== this.#child.pid) return this.#saidCode(pid)
    if (exitCode === null) throw new Error(`process ${pid} was ended by ${signalCode}`)
    return exitCode
  }

  /** Whatever is left of it. */
  kill(): void {
    if (this.#child.pid === undefined) return
    try {
      process.kill(-this.#child.pid, 'SIGKILL')
    } catch {
      // Nothing is left.
    }
  }

  async #saidCode(pid: number): Promise<number> {
    const says = /^Exiting with code (\d+)\.$/
    const { text } = await this.journal.until(
      `${pid} Exiting with code`,
      (entry) => entry.pid === pid && says.test(entry.text),
      toRead,
    )
    return Number(says.exec(text)?.[1])
  }

  async #gone(pid: number): Promise<void> {
    // No event tells of the end of a process that is not our child.
    while (isAlive(pid)) {
      const back = this.journal.entries.find(
        (entry) => entry.pid === pid && entry.text.includes('died on probation'),
      )
      if (back) throw new Error(back.text)
      await delay(pollEvery)
    }
    if (pid === this.#child.pid) await this.#firstExit
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  try {
    // In a container there may be nobody to reap an orphan: a zombie has let go of all else.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    // Gone just now, or there is no /proc (macOS): the next look will tell.
    return true
  }
}
