import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ControlClient, readStatus, type ServiceStatus } from '@endlessjs/core/control'
import { isZombie } from './processes.js'
import { fixture, Service, type StartOptions, temporaryDirectory, within } from './service.js'

/** The command, as it is installed. */
export const bin: string = resolve(import.meta.dirname, '../../packages/cli/bin/endless.js')

/** How to start a fleet. */
export interface FleetStart extends Omit<Partial<StartOptions>, 'script'> {
  readonly workers?: number
  /** Of `endless start`, beside those of every test. */
  readonly flags?: readonly string[]
  /** Where its control socket is. */
  readonly socket?: string
  /** By default a plain server. */
  readonly script?: string
}

/** What a command came to. */
export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A supervisor and its workers, all real. */
export class Fleet implements AsyncDisposable {
  readonly service: Service
  readonly control: string
  readonly workers: number

  private constructor(service: Service, control: string, workers: number) {
    this.service = service
    this.control = control
    this.workers = workers
  }

  static async start({
    workers = 2,
    flags = [],
    script = fixture('fleet.js'),
    args = [],
    socket: control = controlInADirectory(),
    wait,
    env,
    ...more
  }: FleetStart = {}): Promise<Fleet> {
    const own = ['--control', control, '-w', String(workers), '--probation', '0']
    const service = await Service.start({
      script: bin,
      args: ['start', ...own, ...flags, script, ...args],
      wait: false,
      env: { ENDLESS_OPTIONS: '{"slowStart":0}', ...env },
      ...more,
    })
    const fleet = new Fleet(service, control, workers)
    if (wait !== false) await service.untilStderr(/ serves: \d+ workers/)
    return fleet
  }

  /** Of the supervisor: it stays. */
  get pid(): number {
    return this.service.pid
  }

  get port(): number {
    return this.service.port()
  }

  /** Runs the command against this fleet. */
  run(...args: readonly string[]): Promise<Outcome> {
    return this.begin(...args).outcome
  }

  /** Begins to: `said` settles when it has said that. */
  begin(...args: readonly string[]): {
    outcome: Promise<Outcome>
    said: (text: RegExp) => Promise<void>
  } {
    const [command = '', ...rest] = args
    const child = spawn(process.execPath, [bin, command, '--control', this.control, ...rest])
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    const closed = new Promise<Outcome>((done) =>
      child.once('close', (code) => done({ code, stdout, stderr })),
    )
    const all = (): string => `${stdout}${stderr}\n${this.transcript()}`
    const outcome = within(closed, `the end of endless ${args.join(' ')}`, all)
    // Not everybody waits for it.
    outcome.catch(() => {})
    const said = async (text: RegExp): Promise<void> => {
      while (!text.test(stdout))
        await Promise.race([
          once(child.stdout, 'data'),
          outcome.then((all) => {
            if (!text.test(stdout)) throw new Error(`never said ${text}: ${JSON.stringify(all)}`)
          }),
        ])
    }
    return { outcome, said }
  }

  /** A reload that has to succeed. */
  async reload(): Promise<void> {
    const { code, stdout, stderr } = await this.run('reload')
    if (code !== 0) throw new Error(`${code}\n${stdout}${stderr}\n${this.service.transcript()}`)
  }

  status(): Promise<ServiceStatus> {
    return statusAt(this.control)
  }

  /** The pids of those that serve, by slot. */
  async pids(): Promise<number[]> {
    const { workers } = await this.status()
    return workers.map(({ pid = -1 }) => pid)
  }

  /** Settles when every child of the supervisor that has ended was reaped. */
  async reaped(): Promise<void> {
    const zombies = (): number[] => {
      const children = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8')
      return children.trim().split(/\s+/).map(Number).filter(isZombie)
    }
    // There is no event of it, so the condition is asked for.
    for (let n = 0; zombies().length > 0; n++) {
      if (n > 1_000) throw new Error(`not reaped: ${zombies()}`)
      await delay(10)
    }
  }

  /** Stops it in order. */
  async stop(): Promise<void> {
    this.service.signal('SIGTERM', this.pid)
    await within(this.service.ended, 'the end of the fleet', () => this.transcript())
  }

  /** What was said, and who is there still. */
  transcript(): string {
    const processes = execFileSync('ps', ['-eo', 'pid,ppid,stat,wchan:20,etime,args'], {
      encoding: 'utf8',
    })
    const ours = processes.split('\n').filter((line) => line.includes('endless'))
    return [this.service.transcript(), ...ours].join('\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service[Symbol.asyncDispose]()
  }
}

/** What the service at that control socket says of itself. */
export async function statusAt(control: string): Promise<ServiceStatus> {
  const client = await ControlClient.connect(control)
  try {
    return readStatus(await client.request('status'))
  } finally {
    client.close()
  }
}

/** Of its own. */
export function controlInADirectory(): string {
  const directory = join(temporaryDirectory(), 'control')
  mkdirSync(directory, { mode: 0o700 })
  return join(directory, 'a.sock')
}
