import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const directories = { v1: 'v1', v2: 'v2', v3: 'v3', v4: 'v4-broken' } as const

/** What a release says of itself in `x-version`. */
export type Version = keyof typeof directories

export const versions: readonly Version[] = ['v1', 'v2', 'v3', 'v4']

const examples = resolve(import.meta.dirname, '../..')

/** Releases side by side as a deploy leaves them, and the symlink `current` to one of them. */
export class Releases {
  readonly root: string = mkdtempSync(join(tmpdir(), 'endless-demo-'))
  readonly current: string = join(this.root, 'current')
  readonly pidFile: string = join(this.root, 'service.pid')

  constructor() {
    for (const version of versions) this.#install(version)
    this.switchTo('v1')
  }

  /** A rename replaces the symlink in one step: there is never none. */
  switchTo(version: Version): void {
    const next = join(this.root, 'next')
    symlinkSync(join('releases', this.nameOf(version)), next)
    renameSync(next, this.current)
  }

  /** Of its directory. */
  nameOf(version: Version): string {
    return directories[version]
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true, maxRetries: 3 })
  }

  #install(version: Version): void {
    const directory = join(this.root, 'releases', this.nameOf(version))
    const server = join(directory, 'server.js')
    mkdirSync(directory, { recursive: true })
    cpSync(join(examples, 'express/server.js'), server)
    symlinkSync(join(examples, 'node_modules'), join(directory, 'node_modules'))
    writeFileSync(join(directory, 'package.json'), '{ "name": "demo", "type": "module" }\n')
    writeFileSync(join(directory, 'VERSION'), `${version}\n`)
    if (version === 'v4') {
      writeFileSync(join(directory, 'config.js'), "throw new Error('DATABASE_URL is not set')\n")
      writeFileSync(server, `import './config.js'\n${readFileSync(server, 'utf8')}`)
    }
  }
}
