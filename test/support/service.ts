import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'
import { isAlive, isOurs, kill } from './processes.js'

/** A line that a fixture printed: a message of a diagnostics channel, or its own. */
export interface ServiceEvent {
  readonly event: string
  readonly pid: number
  readonly [field: string]: unknown
}

/** How a process has ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** Fields that an event must have; of a text a RegExp tells. */
export type Match = Readonly<Record<string, unknown>>

export interface StartOptions {
  /** The script as a user would type it; relative to `cwd`. */
  readonly script: string
  readonly args?: readonly string[]
  readonly execArgv?: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Options of the fixture's endless(), as JSON. */
  readonly options?: object
  /** What a fixture does at its stages (see fixtures/control.js). */
  readonly control?: object
  /** A command that execs node; gets node's path and arguments appended. */
  readonly wrapper?: readonly string[]
  /** Not to wait for generation 0 to be ready. */
  readonly wait?: false
}

const fixtures = resolve(import.meta.dirname, '../fixtures')

/** The path of a fixture. */
export function fixture(name: string): string {
  return join(fixtures, name)
}

/** A directory of the test's own, with its real path. */
export function temporaryDirectory(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'endless-')))
}

/** A running service: every generation of it, by what it prints. */
export class Service implements AsyncDisposable {
  readonly events: ServiceEvent[] = []
  /** Generation 0. */
  readonly child: ChildProcess
  /** Settles when no process of the service is left: they all share one stdout. */
  readonly ended: Promise<void>
  stderr = ''
  readonly #exited: Promise<Exit>
  readonly #controlFile: string
  readonly #watchers = new Set<() => void>()
  readonly #directory = temporaryDirectory()

  protected constructor(options: StartOptions) {
    this.#controlFile = join(this.#directory, 'control.json')
    this.control(options.control ?? {})
    const node = [...(options.execArgv ?? []), options.script, ...(options.args ?? [])]
    const [command = process.execPath, ...args] = [
      ...(options.wrapper ?? []),
      process.execPath,
      ...node,
    ]
    this.child = spawn(command, args, {
      cwd: options.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PWD: options.cwd ?? process.cwd(),
        NODE_OPTIONS: '',
        CONTROL: this.#controlFile,
        // Nobody waits for a probation or a slow start but the tests of them.
        OPTIONS: JSON.stringify({ probation: 0, slowStart: 0, ...options.options }),
        ...options.env,
      },
    })
    this.#exited = new Promise((done) => {
      this.child.once('exit', (code, signal) => done({ code, signal }))
    })
    this.ended = new Promise((done) => {
      this.child.once('close', () => done())
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
      this.#changed()
    })
    if (this.child.stdout)
      createInterface({ input: this.child.stdout }).on('line', (line) => {
        if (!line.startsWith('{')) return
        this.events.push(JSON.parse(line) as ServiceEvent)
        this.#changed()
      })
    void this.ended.then(() => this.#changed())
  }

  static async start(options: StartOptions): Promise<Service> {
    const service = new Service(options)
    if (options.wait !== false) await service.until({ event: 'state', to: 'ready' })
    return service
  }

  /** Settles with the exit of generation 0. */
  get exited(): Promise<Exit> {
    return this.#exited
  }

  /** The pid of generation 0. */
  get pid(): number {
    return this.child.pid ?? -1
  }

  /** The newest generation that serves. */
  get current(): number {
    const ready = this.events.filter((one) => one.event === 'state' && one.to === 'ready')
    return ready.at(-1)?.pid ?? this.pid
  }

  /** The port of the nth listener that was bound first. */
  port(n = 0): number {
    const address = this.all({ event: 'listen' })[n]?.address as { port: number } | undefined
    if (!address) throw new Error(`no listener ${n}\n${this.transcript()}`)
    return address.port
  }

  /** What the fixtures do from their next stage on. */
  control(control: object): void {
    // By a rename: a fixture that waits reads it again and again.
    writeFileSync(`${this.#controlFile}.new`, JSON.stringify(control))
    renameSync(`${this.#controlFile}.new`, this.#controlFile)
  }

  /** A place in the events: what was before it does not count. */
  mark(): number {
    return this.events.length
  }

  all(match: Match, since = 0): ServiceEvent[] {
    return this.events.slice(since).filter((one) => fits(one, match))
  }

  /** The first event since the mark that fits, now or later. */
  until(match: Match, since = 0): Promise<ServiceEvent> {
    return this.#until(inspect(match), () => this.all(match, since)[0])
  }

  /** Settles when stderr has that text. */
  async untilStderr(text: RegExp): Promise<void> {
    await this.#until(`${text} on stderr`, () => text.test(this.stderr) || undefined)
  }

  signal(signal: NodeJS.Signals, pid: number = this.current): void {
    process.kill(pid, signal)
  }

  /** HUP, and what came of it: the message of the upgrade's end. */
  async hup(pid: number = this.current): Promise<ServiceEvent> {
    const since = this.mark()
    this.signal('SIGHUP', pid)
    return this.#until('the end of an upgrade', () =>
      this.all({ event: 'upgrade', pid }, since).find((one) => one.phase !== 'start'),
    )
  }

  /** An upgrade that has to succeed; the old generation may stay for a while. @returns the new pid */
  async handOver(): Promise<number> {
    const [old, since] = [this.current, this.mark()]
    const end = await this.hup(old)
    if (end.phase !== 'ready') throw new Error(`the upgrade failed\n${this.transcript()}`)
    const pid = Number(end.successor)
    await this.until({ event: 'state', to: 'draining', pid: old }, since)
    await this.until({ event: 'state', to: 'ready', pid }, since)
    return pid
  }

  /** An upgrade that has to succeed, and the end of the predecessor. @returns the new pid */
  async upgrade(): Promise<number> {
    const old = this.current
    const pid = await this.handOver()
    await this.gone(old)
    return pid
  }

  /** Settles when the process is no more, not even as a zombie of ours. */
  async gone(pid: number): Promise<void> {
    if (pid === this.pid) await within(this.exited, `the exit of ${pid}`, () => this.transcript())
    // Later generations are not our children: there is no event, so the condition is asked for.
    for (let n = 0; isAlive(pid); n++) {
      if (n > 3_000) throw new Error(`process ${pid} is still there\n${this.transcript()}`)
      await delay(10)
    }
  }

  /** Stops the newest generation in order, and waits for all of them. */
  async stop(): Promise<void> {
    if (isAlive(this.current)) this.signal('SIGTERM')
    await within(this.ended, 'the end of the service', () => this.transcript())
  }

  /** Ends what is left, by pid. */
  async [Symbol.asyncDispose](): Promise<void> {
    const pids = new Set([this.child.pid ?? -1, ...this.events.map((one) => one.pid)])
    for (const one of this.events) if (one.phase === 'ready') pids.add(Number(one.successor))
    for (const match of this.stderr.matchAll(/Spawned successor (\d+)/g)) pids.add(Number(match[1]))
    for (const pid of pids) if (pid > 0 && isOurs(pid, this.#controlFile)) kill(pid)
    await this.ended
    rmSync(this.#directory, { recursive: true, force: true })
  }

  transcript(): string {
    return [...this.events.map((one) => JSON.stringify(one)), this.stderr].join('\n')
  }

  #changed(): void {
    for (const watch of [...this.#watchers]) watch()
  }

  #until<T>(what: string, find: () => T | undefined): Promise<T> {
    return within(this.found(find), what, () => this.transcript())
  }

  /** Settles with what is found in all that was printed, now or later. */
  protected found<T>(find: () => T | undefined): Promise<T> {
    return new Promise<T>((done) => {
      const look = (): void => {
        const result = find()
        if (result === undefined) return
        this.#watchers.delete(look)
        done(result)
      }
      this.#watchers.add(look)
      look()
    })
  }
}

function fits(one: ServiceEvent, match: Match): boolean {
  return Object.entries(match).every(([name, value]) =>
    value instanceof RegExp ? value.test(String(one[name])) : one[name] === value,
  )
}

/** Fails after 30 s with all that is known, where vitest would only say "timeout". */
export async function within<T>(
  promise: Promise<T>,
  what: string,
  transcript: () => string,
): Promise<T> {
  const timeout = new AbortController()
  const late = delay(30_000, undefined, { signal: timeout.signal }).then(
    () => {
      throw new Error(`waited 30 s for ${what}\n${transcript()}`)
    },
    () => promise,
  )
  return Promise.race([promise, late]).finally(() => timeout.abort())
}
