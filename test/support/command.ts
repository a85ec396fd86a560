/** The real `endless` command as a child, and a service for it to ask. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ControlServer } from '@endlessjs/core/control'
import { onTestFinished } from 'vitest'
import { kill } from './processes.js'
import { temporaryDirectory } from './service.js'

const bin = resolve(import.meta.dirname, '../../packages/cli/bin/endless.js')

/** One question of the command. */
export interface Asked {
  readonly command: string
  readonly args: unknown
  readonly progress: (event: object) => void
  readonly signal: AbortSignal
}

export interface FakeService {
  readonly path: string
  /** `$XDG_RUNTIME_DIR` of it. */
  readonly runtime: string
  readonly asked: readonly { readonly command: string; readonly args: unknown }[]
  /** A directory with a `package.json` of that name. */
  directoryOf(name: string): string
  /** Its end, whatever it was asked. */
  kill(): Promise<void>
}

/** Answers as it is told to. */
export async function fakeService(
  answer: (asked: Asked) => Promise<unknown>,
  name = 'app',
): Promise<FakeService> {
  const runtime = temporaryDirectory()
  const path = join(runtime, 'endless', `${name}.sock`)
  const asked: { command: string; args: unknown }[] = []
  const server = new ControlServer((command, args, progress, signal) => {
    asked.push({ command, args })
    return answer({ command, args, progress, signal })
  })
  await server.listen(path)
  onTestFinished(async () => {
    await server.close()
    rmSync(runtime, { recursive: true })
  })
  return {
    path,
    runtime,
    asked,
    kill: () => server.close(),
    directoryOf: (packageName) => {
      const directory = join(runtime, 'releases', packageName)
      mkdirSync(directory, { recursive: true })
      writeFileSync(join(directory, 'package.json'), JSON.stringify({ name: packageName }))
      return directory
    },
  }
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** In a terminal of 24 lines. */
  readonly terminal?: true
}

export interface Ended {
  readonly code: number | NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export class Command {
  readonly ended: Promise<Ended>
  readonly #child: ChildProcess
  readonly #watchers = new Set<() => void>()
  #stdout = ''
  #stderr = ''

  constructor(words: readonly string[], { env = {}, cwd, terminal }: CommandOptions = {}) {
    // No colours, whatever runs the tests.
    const { FORCE_COLOR: _, NO_COLOR: __, CI: ___, ...inherited } = process.env
    const [command, args] = terminal
      ? ['python3', [join(import.meta.dirname, 'screen.py'), process.execPath, bin, ...words]]
      : [process.execPath, [bin, ...words]]
    this.#child = spawn(command, args, {
      cwd,
      env: { ...inherited, NODE_OPTIONS: '', TERM: 'xterm', ...(cwd ? { PWD: cwd } : {}), ...env },
    })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      // A terminal returns the carriage as well.
      this.#stdout += terminal ? text.replaceAll('\r', '') : text
      for (const look of this.#watchers) look()
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    this.ended = new Promise((done) => {
      this.#child.once('close', (code, signal) => {
        for (const look of this.#watchers) look()
        done({ code: code ?? signal, stdout: this.#stdout, stderr: this.#stderr })
      })
    })
    onTestFinished(async () => {
      kill(this.#child.pid ?? -1)
      await this.ended
    })
  }

  /** Settles when stdout has that text. */
  until(text: string): Promise<void> {
    return new Promise((done, failed) => {
      const look = (): void => {
        const ended = this.#child.exitCode !== null || this.#child.signalCode !== null
        if (this.#stdout.includes(text)) done()
        else if (ended) failed(new Error(`expected ${text}, got ${this.#stdout}${this.#stderr}`))
        else return
        this.#watchers.delete(look)
      }
      this.#watchers.add(look)
      look()
    })
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** On the keyboard of its terminal. */
  type(text: string): void {
    this.#child.stdin?.write(text)
  }

  /** As `| head` does. */
  stopReading(): void {
    this.#child.stdout?.destroy()
  }
}
