import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { ControlClient, readStatus, type ServiceStatus } from '@endlessjs/core/control'
import { expect, onTestFinished } from 'vitest'
import { request } from './client/index.js'
import { bin } from './fleet.js'
import { kill } from './processes.js'
import { fixture, temporaryDirectory } from './service.js'

/** A fleet whose output is what is tested: nothing is read of its stdout before that is asked for. */
export class Loud {
  readonly child: ChildProcess
  readonly target: { path: string }
  readonly #control: string
  readonly #pids = new Set<number>()
  #stderr = ''

  private constructor(flags: readonly string[]) {
    const directory = temporaryDirectory()
    this.#control = join(directory, 'control', 'a.sock')
    this.target = { path: join(directory, 'app.sock') }
    const own = ['--control', this.#control, '--probation', '0']
    this.child = spawn(process.execPath, [bin, 'start', ...own, ...flags, fixture('talk.js')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        LISTEN: this.target.path,
        NODE_OPTIONS: '',
        ENDLESS_OPTIONS: '{"slowStart":0}',
      },
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    onTestFinished(() => {
      for (const pid of [this.pid, ...this.#pids]) kill(pid)
    })
  }

  static async start(...flags: readonly string[]): Promise<Loud> {
    const loud = new Loud(flags)
    await loud.untilStderr(/ serves: \d+ workers/)
    return loud
  }

  /** Of the supervisor. */
  get pid(): number {
    return this.child.pid ?? -1
  }

  async untilStderr(text: RegExp): Promise<void> {
    while (!text.test(this.#stderr)) {
      if (this.child.exitCode !== null) throw new Error(this.#stderr)
      await Promise.race([
        once(this.child.stderr as object as NodeJS.EventEmitter, 'data'),
        once(this.child, 'exit'),
      ])
    }
  }

  /** All that comes by stdout until its end. */
  async read(): Promise<Buffer> {
    const chunks: Buffer[] = []
    for await (const chunk of this.child.stdout ?? []) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks)
  }

  async ask(url: string): Promise<{ pid: number; slot: string }> {
    const { body } = await request({ target: this.target, method: 'GET', url })
    return JSON.parse(body.toString()) as { pid: number; slot: string }
  }

  /** Has the app print that, each in a write of its own. */
  async say(to: 'stdout' | 'stderr', ...parts: readonly Buffer[]): Promise<string> {
    const hex = parts.map((part) => `hex=${part.toString('hex')}`).join('&')
    return (await this.ask(`/say?to=${to}&${hex}`)).slot
  }

  async ordered<T>(command: string): Promise<T> {
    const client = await ControlClient.connect(this.#control)
    try {
      return (await client.request(command)) as T
    } finally {
      client.close()
    }
  }

  async status(): Promise<ServiceStatus> {
    const status = readStatus(await this.ordered('status'))
    for (const { pid } of status.workers) if (pid !== undefined) this.#pids.add(pid)
    return status
  }

  async pids(): Promise<number[]> {
    return (await this.status()).workers.map(({ pid = -1 }) => pid)
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'exit')
    this.child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  }
}
