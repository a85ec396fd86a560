/** A service under a real systemd, as an operator has it. */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'
import { request, type Target } from './client/index.js'
import { bin } from './fleet.js'
import { fixture } from './service.js'
import { SystemdBox } from './systemd-box.js'

const node = process.execPath
/** Not in /tmp: a unit has a /tmp of its own. */
const home = resolve(import.meta.dirname, '../../node_modules')

/** What the service of a test is. */
export interface UnitStart {
  /** Of `endless unit`. */
  readonly flags?: readonly string[]
  /** What is different from what `endless unit` prints. */
  readonly change?: (unit: string) => string
  /** systemd listens for it. */
  readonly socket?: true
}

/** What systemd says of it. */
export interface UnitState {
  readonly ActiveState: string
  readonly SubState: string
  readonly MainPID: string
  readonly StatusText: string
  readonly NRestarts: string
  readonly Result: string
}

/** A service named shop, with releases and a `current`. */
export class Unit {
  readonly directory: string
  readonly current: string
  readonly target: Target
  readonly log = '/run/shop.log'
  #box: SystemdBox | undefined

  private constructor(directory: string, port: number) {
    this.directory = directory
    this.current = join(directory, 'current')
    this.target = { port }
  }

  /** Boots systemd with the unit that the command prints for this service; starts nothing. */
  static async boot({
    flags = [],
    change = (text) => text,
    socket,
  }: UnitStart = {}): Promise<Unit> {
    const directory = mkdtempSync(join(home, '.unit-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    // mkdtemp lets nobody else in.
    chmodSync(directory, 0o755)
    const port = await freePort()
    const unit = new Unit(directory, port)
    unit.deploy('1')
    const { written } = unit.print([...(socket ? ['--socket', String(port)] : []), ...flags])
    const texts = Object.entries(written).map(([name, text]) => {
      const known = `[Service]\nEnvironment=PORT=${port}\nStandardOutput=append:${unit.log}\n`
      return [
        name,
        change(text.replace('[Service]\n', `${known}StandardError=append:${unit.log}\n`)),
      ]
    })
    unit.#box = await SystemdBox.boot(Object.fromEntries(texts))
    return unit
  }

  /** What `endless unit` makes of it, by file. */
  print(flags: readonly string[]): { written: Record<string, string> } {
    const units = join(this.directory, 'units')
    const args = ['unit', '--name', 'shop', '--user', user(), '--write', units, ...flags]
    const options = { cwd: this.current, env: { ...process.env, PWD: this.current } }
    execFileSync(node, [bin, ...args, 'server.mjs'], options)
    const names = readdirSync(units)
    return {
      written: Object.fromEntries(
        names.map((name) => [name, readFileSync(join(units, name), 'utf8')]),
      ),
    }
  }

  /** Puts a release there, and lets `current` point to it. */
  deploy(name: string): void {
    const release = join(this.directory, 'releases', name)
    mkdirSync(release, { recursive: true })
    writeFileSync(join(release, 'RELEASE'), name)
    writeFileSync(join(release, 'server.mjs'), `await import('${fixture('unit.js')}')\n`)
    symlinkSync(release, join(this.directory, 'next'))
    renameSync(join(this.directory, 'next'), this.current)
  }

  /** A line of shell beside systemd, which has to succeed; with the service's output where it does not. */
  async run(line: string): Promise<string> {
    const box = this.#box
    if (!box) throw new Error('not booted')
    return box.run(`{ ${line}; } || { systemctl status shop; cat ${this.log}; false; }`)
  }

  /** Its exit code. */
  async codeOf(line: string): Promise<number> {
    const said = await this.run(`{ ${line}; } >/run/said 2>&1; echo $?; cat /run/said`)
    return Number(said.split('\n')[0])
  }

  async state(): Promise<UnitState> {
    const names = ['ActiveState', 'SubState', 'MainPID', 'StatusText', 'NRestarts', 'Result']
    const text = await this.run(`systemctl show ${names.map((one) => `-p ${one}`).join(' ')} shop`)
    const pairs = text.trim().split('\n')
    const found = pairs.map((pair) => [
      pair.slice(0, pair.indexOf('=')),
      pair.slice(pair.indexOf('=') + 1),
    ])
    return Object.fromEntries(found) as unknown as UnitState
  }

  /** Settles when it is so; there is no event of it here, so systemd is asked. */
  async until(isSo: (state: UnitState) => boolean): Promise<UnitState> {
    const since = performance.now()
    for (;;) {
      const state = await this.state()
      if (isSo(state)) return state
      if (performance.now() - since > 30_000)
        throw new Error(`${JSON.stringify(state)}\n${await this.run(`cat ${this.log}`)}`)
    }
  }

  /** Who answers. */
  async answer(url = '/'): Promise<{ pid: number; release: string; NOTIFY_SOCKET?: string }> {
    const { body } = await request({ target: this.target, url })
    return JSON.parse(body.toString()) as { pid: number; release: string }
  }
}

/** Somebody who may do nothing, where such a one can read these files. */
function user(): string {
  const options = { uid: 1, gid: 1 }
  const can = process.getuid?.() === 0 && spawnSync(node, [bin, '--version'], options).status === 0
  return can ? 'daemon' : 'root'
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  await new Promise((done) => server.close(done))
  return port
}
