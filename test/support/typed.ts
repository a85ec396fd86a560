import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './example.js'
import { bin } from './fleet.js'
import { temporaryDirectory } from './service.js'

/** The blocks of a page that are typed into a shell. */
export function shellBlocks(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(/```sh\n(.*?)```/gs)].map(([, block = '']) => block)
}

/** The blocks of a page that are saved, by the file that their first line names. */
export function savedBlocks(page: string): [file: string, text: string][] {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(/```js\n\/\/ (\S+)\n(.*?)```/gs)].map(([, file = '', block = '']) => [
    file,
    block,
  ])
}

/** What a typed line came to. */
export interface Typed {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A shell of somebody who types what a page says, word for word. */
export class Reader implements AsyncDisposable {
  readonly home: string
  readonly #env: NodeJS.ProcessEnv
  readonly #ours: readonly string[]
  #service: ChildProcess | undefined
  #stderr = ''

  /** @param home where it is typed; without it a directory with a server, and a `npx` that finds the command */
  constructor(home?: string) {
    this.home = home ?? furnished()
    const runtime = temporaryDirectory()
    this.#ours = home === undefined ? [runtime, this.home] : [runtime]
    this.#env = {
      ...process.env,
      PATH: `${join(this.home, 'path')}:${process.env.PATH}`,
      PWD: this.home,
      NODE_OPTIONS: '',
      XDG_RUNTIME_DIR: runtime,
      PORT: '0',
      // Nobody waits for it here.
      ENDLESS_OPTIONS: '{"probation":0,"slowStart":0}',
    }
  }

  /** On any port: the page names one that may not be free. */
  save(file: string, text: string): void {
    writeFileSync(join(this.home, file), text.replace('PORT: 8000', 'PORT: 0'))
  }

  /** What the supervisor, and its workers, have said on stderr. */
  get said(): string {
    return this.#stderr
  }

  /** A line that stays in the foreground; settles when all workers serve. */
  async start(line: string): Promise<void> {
    // A group of its own: whatever goes wrong, all of it can be ended at once.
    const child = spawn('sh', ['-c', line], {
      cwd: this.home,
      env: this.#env,
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    })
    this.#service = child
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    const ended = once(child, 'close').then(() => {
      throw new Error(`${line} has ended: ${this.#stderr}`)
    })
    // Nobody is left to hear of it once all serve.
    ended.catch(() => {})
    while (!/ serves: \d+ workers/.test(this.#stderr))
      await Promise.race([once(child.stderr, 'data'), ended])
  }

  async type(line: string): Promise<Typed> {
    const child = spawn('sh', ['-c', line], {
      cwd: this.home,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    const [code] = await once(child, 'close')
    return { code: code === null ? null : Number(code), stdout, stderr }
  }

  /** Settles with the exit code of what was started, when it is gone. */
  async ended(): Promise<number | null> {
    const child = this.#service
    if (!child || child.exitCode !== null) return child?.exitCode ?? null
    await once(child, 'close')
    return child.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { pid } = this.#service ?? {}
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL')
    } catch {
      // Nothing is left.
    }
    await this.ended()
    for (const one of this.#ours) rmSync(one, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** A server as it is, which says by pm2's word that it is ready. */
export const server = `import { createServer } from 'node:http'

createServer((_, response) => response.end('hello')).listen(Number(process.env.PORT), () => process.send?.('ready'))
`

function furnished(): string {
  const home = temporaryDirectory()
  writeFileSync(join(home, 'package.json'), '{ "name": "shop", "type": "module" }\n')
  writeFileSync(join(home, 'server.js'), server)
  mkdirSync(join(home, 'path'))
  const npx = `#!/bin/sh\nshift\nexec '${process.execPath}' '${bin}' "$@"\n`
  writeFileSync(join(home, 'path/npx'), npx, { mode: 0o755 })
  return home
}
