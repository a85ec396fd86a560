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
import { setTimeout as delay } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { request, type Target } from './client/index.js'
import { bin } from './fleet.js'
import { fixture } from './service.js'
import { SystemdBox } from './systemd-box.js'

const node = process.execPath
const endlessOfDocs = '/usr/bin/node /srv/shop/current/node_modules/.bin/endless'
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

/** What fixtures/unit.js answers. */
export interface Answer {
  readonly pid: number
  readonly release: string
  /** How many requests to it took long. */
  readonly late: number
  readonly NOTIFY_SOCKET?: string
}

/** A service named shop, with releases and a `current`. */
export class Unit {
  readonly directory: string
  readonly current: string
  readonly target: Target
  readonly port: number
  /** Who runs it. */
  readonly user: string = user()
  readonly log = '/run/shop.log'
  #box: SystemdBox | undefined

  private constructor(directory: string, port: number) {
    this.directory = directory
    this.current = join(directory, 'current')
    this.target = { port }
    this.port = port
  }

  /** Boots systemd with the unit that the command prints for this service; starts nothing. */
  static async boot({
    flags = [],
    change = (text) => text,
    socket,
  }: UnitStart = {}): Promise<Unit> {
    const unit = await Unit.prepare()
    const written = unit.print([...(socket ? ['--socket', String(unit.port)] : []), ...flags])
    const texts = Object.entries(written).map(([name, text]) => [name, change(unit.fitted(text))])
    await unit.bootWith(Object.fromEntries(texts))
    return unit
  }

  /** Its first release, and no systemd. */
  static async prepare(): Promise<Unit> {
    const directory = mkdtempSync(join(home, '.unit-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    // mkdtemp lets nobody else in.
    chmodSync(directory, 0o755)
    const unit = new Unit(directory, await freePort())
    unit.deploy('1')
    return unit
  }

  /** @param units unit files by name */
  async bootWith(units: Readonly<Record<string, string>>): Promise<void> {
    this.#box = await SystemdBox.boot(units)
  }

  /** What docs/operations.md says of /srv/shop, said of this one. */
  localised(text: string): string {
    return text
      .replaceAll('npx endless', `${node} ${bin}`)
      .replaceAll(endlessOfDocs, `${node} ${bin}`)
      .replaceAll('/usr/bin/node', node)
      .replaceAll('/srv/shop', this.directory)
      .replaceAll('User=www', `User=${this.user}`)
      .replaceAll('--user www', `--user ${this.user}`)
      .replaceAll('8000', String(this.port))
  }

  /** And back. */
  asInDocs(text: string): string {
    return text
      .replaceAll(`${node} ${bin}`, endlessOfDocs)
      .replaceAll(this.directory, '/srv/shop')
      .replace(/^# No PrivateTmp=.*$/m, 'PrivateTmp=yes')
  }

  /** With a port of its own; and there is no journal in the box. */
  fitted(text: string): string {
    const more = [
      `Environment=PORT=${this.port}`,
      ...['Output', 'Error'].map((stream) => `Standard${stream}=append:${this.log}`),
    ]
    return text.replace('[Service]\n', `[Service]\n${more.join('\n')}\n`)
  }

  /** What `endless unit` makes of it, by file. */
  print(flags: readonly string[]): Record<string, string> {
    const units = join(this.directory, 'units')
    const args = ['unit', '--name', 'shop', '--user', this.user, '--write', units, ...flags]
    const options = { cwd: this.current, env: { ...process.env, PWD: this.current } }
    execFileSync(node, [bin, ...args, 'server.js'], options)
    const names = readdirSync(units)
    return Object.fromEntries(names.map((name) => [name, readFileSync(join(units, name), 'utf8')]))
  }

  /** A command of that name. @returns the directory for a PATH */
  command(name: string, line: string): string {
    const path = join(this.directory, 'path')
    mkdirSync(path)
    writeFileSync(join(path, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 })
    return path
  }

  /** The command's own words, for Node. */
  words(...args: readonly string[]): string[] {
    return [bin, ...args]
  }

  /** Puts a release there, and lets `current` point to it. */
  deploy(name: string, { current = true }: { current?: boolean } = {}): void {
    const release = join(this.directory, 'releases', name)
    mkdirSync(release, { recursive: true })
    writeFileSync(join(release, 'RELEASE'), name)
    writeFileSync(join(release, 'package.json'), '{ "name": "shop", "type": "module" }')
    writeFileSync(join(release, 'server.js'), `await import('${fixture('unit.js')}')\n`)
    if (!current) return
    symlinkSync(release, join(this.directory, 'next'))
    renameSync(join(this.directory, 'next'), this.current)
  }

  remove(name: string): void {
    rmSync(join(this.directory, 'releases', name), { recursive: true })
  }

  /** A line of shell beside systemd, which has to succeed; with the service's output where it does not. */
  async run(line: string): Promise<string> {
    const box = this.#box
    if (!box) throw new Error('not booted')
    const told = box.run(`{ ${line}; } || { systemctl status shop; cat ${this.log}; false; }`)
    const over = new AbortController()
    const { signal } = over
    const late = delay(40_000, undefined, { signal }).then(() => {
      throw new Error(`took longer than 40 s: ${line}`)
    })
    try {
      return await Promise.race([told, late])
    } finally {
      over.abort()
      late.catch(() => {})
    }
  }

  /** Its exit code. */
  async codeOf(line: string): Promise<number> {
    const said = await this.run(`{ ${line}; } >/run/said 2>&1; echo $?; cat /run/said`)
    return Number(said.split('\n')[0])
  }

  /** Its main process. With 0 for a pid it would be all of this test's own. */
  async signal(signal: string): Promise<void> {
    const { MainPID } = await this.state()
    if (Number(MainPID) <= 1)
      throw new Error(`no main process: ${await this.run('systemctl status shop')}`)
    await this.run(`kill -${signal} ${MainPID}`)
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

  /** A request that takes so long, once it is inside. */
  async late(ms: number): Promise<{ readonly reply: Promise<{ release: string }> }> {
    const reply = this.answer(`/late?ms=${ms}`)
    reply.catch(() => {})
    while ((await this.answer()).late === 0);
    return { reply }
  }

  /** Who answers. */
  async answer(url = '/'): Promise<Answer> {
    const { body } = await request({ target: this.target, url })
    return JSON.parse(body.toString()) as Answer
  }
}

/** Of docs/operations.md, those of one language. */
export function blocksOf(language: string): string[] {
  const page = readFileSync(resolve(import.meta.dirname, '../../docs/operations.md'), 'utf8')
  return [...page.matchAll(/```(\w+)\n(.*?)```/gs)].flatMap(([, named, text = '']) =>
    named === language ? [text] : [],
  )
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
