import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { within } from './deadline.js'
import { Journal } from './journal.js'
import type { Releases } from './releases.js'

const patience = 30_000
const pollEvery = 20
/** What a process has said is in the pipe when it is gone, and only has to be read. */
const toRead = 2_000

/** The service as a user starts it, `cd current && node server.js`, and all its generations. */
export class Service {
  readonly journal: Journal
  /** Settles when no process of it is left: they all hold the same stderr. */
  readonly ended: Promise<void>
  readonly #child: ChildProcess
  readonly #pidFile: string
  readonly #firstExit: Promise<unknown>

  /** @param heard told of each line that is logged */
  constructor(releases: Releases, heard: (line: string) => void) {
    const { current, pidFile } = releases
    // A process group of its own: whatever goes wrong here, all generations can be ended at once.
    const child = spawn(process.execPath, ['server.js'], {
      cwd: current,
      env: { ...process.env, PWD: current, PORT: '0', PID_FILE: pidFile },
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    })
    this.#child = child
    this.#pidFile = pidFile
    this.#firstExit = once(child, 'exit')
    this.journal = new Journal(child.stderr, heard)
    this.ended = once(child, 'close').then(() => {})
  }

  /** The pid that the pid file names: whom a deploy signals. */
  get pid(): number {
    return Number(readFileSync(this.#pidFile, 'utf8'))
  }

  /** Settles with the port when the first generation serves. */
  async ready(): Promise<number> {
    const serves = /^Generation 0 serves .*:(\d+)\.$/
    const up = this.journal.until('Generation 0 serves', ({ text }) => serves.test(text))
    const down = this.ended.then(() => {
      throw new Error('the service has ended before it was ready')
    })
    return Number(serves.exec((await Promise.race([up, down])).text)?.[1])
  }

  /** Settles with its exit code when the process of this generation is gone. */
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

function isAlive(pid: number): boolean {
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
