/** A service as an operator has it, under whatever starts it there: by the files of examples/. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chownSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ServiceStatus } from '@endlessjs/core/control'
import { expect, onTestFinished } from 'vitest'
import { type Load, load } from './client/index.js'
import { root } from './example.js'
import { bin, type Outcome, statusAt } from './fleet.js'
import { isAlive, isOurs, kill } from './processes.js'
import { Unit } from './unit.js'

/** Named shop, with releases, a `current`, a directory for its control socket. */
export class Shop {
  readonly unit: Unit
  readonly control: string

  private constructor(unit: Unit) {
    this.unit = unit
    this.control = join(unit.directory, 'run/control.sock')
  }

  /** @param user who runs it, and has the directory for its control socket: by default another one than root */
  static async prepare({ user }: { user?: 'own' } = {}): Promise<Shop> {
    const unit = await Unit.prepare()
    const { directory } = unit
    const run = join(directory, 'run')
    mkdirSync(run, { mode: 0o700 })
    if (user !== 'own' && unit.user === 'daemon') chownSync(run, 1, 1)
    onTestFinished(() => endAllOf(directory))
    return new Shop(unit)
  }

  get directory(): string {
    return this.unit.directory
  }

  /** Of examples/, said of this one; two workers, and a probation that a test can wait for. */
  example(path: string, change: (text: string) => string = (text) => text): string {
    return change(this.localised(readFileSync(join(root, 'examples', path), 'utf8')))
  }

  localised(text: string): string {
    return this.unit
      .localised(text)
      .replaceAll(/\bwww\b/g, this.unit.user)
      .replace(/-w \d+ /, '-w 2 --probation 300ms --hammer-time 20s ')
  }

  /** A directory of examples/, with all its files. @returns where it is now */
  copy(path: string, change?: (text: string) => string): string {
    const from = join(root, 'examples', path)
    const to = join(this.directory, path.replaceAll('/', '-'))
    cpSync(from, to, { recursive: true })
    for (const name of readdirSync(from)) {
      const { mode } = statSync(join(from, name))
      writeFileSync(join(to, name), this.example(join(path, name), change), { mode })
    }
    return to
  }

  /** What starts services: it ends with the test. */
  launch(
    command: string,
    args: readonly string[],
    { cwd = this.directory, env = {} }: { cwd?: string; env?: Record<string, string> } = {},
  ): ChildProcess {
    const child = spawn(command, args, {
      cwd,
      stdio: ['ignore', 'ignore', 'ignore'],
      env: { ...process.env, NODE_OPTIONS: '', PWD: cwd, SHOP: this.directory, ...env },
    })
    onTestFinished(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), 15_000)
      await ended
      clearTimeout(late)
    })
    return child
  }

  /** A line of shell, as an operator types it. */
  async type(line: string): Promise<Outcome> {
    return new Promise((done) => {
      const options = { cwd: this.directory, env: { ...process.env, SHOP: this.directory } }
      execFile('sh', ['-c', line], options, (error, stdout, stderr) =>
        done({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
      )
    })
  }

  /** The command, asking this service. */
  endless(command: string, ...args: readonly string[]): Promise<Outcome> {
    const words = [bin, command, '--control', this.control, ...args].map((one) => `'${one}'`)
    return this.type(`'${process.execPath}' ${words.join(' ')}`)
  }

  status(): Promise<ServiceStatus> {
    return statusAt(this.control)
  }

  /** The pids of those that serve. */
  async pids(): Promise<number[]> {
    const { workers } = await this.status()
    return workers.map(({ pid = -1 }) => pid)
  }

  /** Settles when all workers serve. */
  serves(): Promise<ServiceStatus> {
    return this.until(async () => {
      const status = await this.status().catch(() => undefined)
      return status?.state === 'serving' ? status : undefined
    }, 'that it serves')
  }

  /** Settles with what is found; there is no event of it, so it is asked for. */
  async until<T>(look: () => Promise<T | undefined> | T | undefined, what: string): Promise<T> {
    const since = performance.now()
    for (;;) {
      const found = await look()
      if (found !== undefined) return found
      if (performance.now() - since > 40_000) throw new Error(`waited 40 s for ${what}`)
      await delay(20)
    }
  }

  /** Settles when none of them is there. */
  async gone(pids: readonly number[]): Promise<void> {
    await this.until(() => pids.every((one) => !isAlive(one)) || undefined, `the end of ${pids}`)
  }

  /** Clients that nothing happens to over what is done: no request fails, nobody connects again. */
  async unnoticed(act: () => Promise<void>): Promise<void> {
    const { target } = this.unit
    const kept = load({ target, connections: 8, thinkTime: [0, 20] })
    const fresh = load({ target, connections: 2, mode: 'new-connection', thinkTime: [0, 20] })
    try {
      await Promise.all([kept.progress(30), fresh.progress(10)])
      await act()
      await Promise.all([kept.progress(30), fresh.progress(10)])
    } finally {
      await Promise.all([nothingHappened(kept, 0), nothingHappened(fresh)])
    }
  }
}

async function nothingHappened(one: Load, reconnects?: number): Promise<void> {
  const report = await one.stop()
  expect(report.failed, report.samples.join('\n')).toBe(0)
  if (reconnects !== undefined) expect(report.reconnects).toBe(reconnects)
}

/** By its directory, which each of them has in its environment. */
function endAllOf(directory: string): void {
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (pid > 1 && pid !== process.pid && isOurs(pid, `SHOP=${directory}`)) kill(pid)
  }
}
