import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'

const script = join(import.meta.dirname, 'systemd-box.sh')
// Runs each line of its stdin, then says how that ended.
const shell = 'echo "up 0"; while read -r line; do eval "$line" 2>&1; echo "rc $?"; done'

/** Why no systemd can be had here; empty where one can. */
export function whyNoSystemd(): string {
  if (process.platform !== 'linux') return 'no Linux'
  return execFileSync(script, ['--missing'], { encoding: 'utf8' }).trim()
}

/** A real systemd, and a shell beside it. */
export class SystemdBox {
  readonly #child: ChildProcess
  readonly #units: string
  readonly #lines: AsyncIterator<string>

  private constructor(units: Readonly<Record<string, string>>) {
    this.#units = mkdtempSync(join(tmpdir(), 'endless-units-'))
    for (const [name, text] of Object.entries(units))
      writeFileSync(join(this.#units, name), `[Unit]\nDefaultDependencies=no\n${text}`)
    const stdio = ['pipe', 'pipe', 'inherit'] as const
    this.#child = spawn(script, [this.#units, 'sh', '-c', shell], { stdio: [...stdio] })
    if (!this.#child.stdout) throw new Error('no stdout')
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  /** Until the end of the test. @param units unit files by name */
  static async boot(units: Readonly<Record<string, string>>): Promise<SystemdBox> {
    const box = new SystemdBox(units)
    onTestFinished(() => box.end())
    const { value } = await box.#lines.next()
    if (value !== 'up 0') throw new Error(`systemd did not come up: ${value}`)
    return box
  }

  /** A line of shell in the box, which has to succeed. @returns what it printed */
  async run(line: string): Promise<string> {
    this.#child.stdin?.write(`${line}\n`)
    let text = ''
    for (;;) {
      const { value, done } = await this.#lines.next()
      if (done || /^rc [^0]/.test(value)) throw new Error(`${line}: ${value}\n${text}`)
      if (value === 'rc 0') return text
      text += `${value}\n`
    }
  }

  async end(): Promise<void> {
    const ended = this.#child.exitCode === null ? once(this.#child, 'exit') : undefined
    this.#child.kill()
    await ended
    rmSync(this.#units, { recursive: true, force: true })
  }
}
