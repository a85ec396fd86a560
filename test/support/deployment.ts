import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { onTestFinished } from 'vitest'
import { fixture, type Service, temporaryDirectory } from './service.js'

const server = `import { readFileSync } from 'node:fs'
const { deployed } = await import('${pathToFileURL(fixture('deployed.js'))}')
deployed(readFileSync(new URL('RELEASE', import.meta.url), 'utf8'))
`

/** A directory as deploy tools lay it out: releases/1, releases/2, …, and `current -> releases/1`. */
export class Deployment {
  readonly root: string = temporaryDirectory()
  readonly current: string = join(this.root, 'current')

  constructor() {
    onTestFinished(() => rmSync(this.root, { recursive: true, force: true }))
    this.release('1')
  }

  /** The directory of a release. */
  directory(name: string): string {
    return join(this.root, 'releases', name)
  }

  /** Puts a release there, and lets `current` point to it. */
  release(name: string): void {
    const directory = this.directory(name)
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, 'RELEASE'), name)
    writeFileSync(join(directory, 'server.mjs'), server)
    this.point(directory)
  }

  /** Lets `current` point there, whatever is there. */
  point(directory: string): void {
    const next = join(this.root, 'next')
    symlinkSync(directory, next)
    renameSync(next, this.current)
  }
}

/** What fixtures/deployed.js says of its start. */
export interface Started {
  readonly release: string
  readonly cwd: string
  readonly argv: readonly string[]
  readonly execArgv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** The environment of a child of the app. */
  readonly child: Readonly<Record<string, string>>
}

/** How the newest generation was started. */
export async function started(service: Service): Promise<Started> {
  const event: unknown = await service.until({ event: 'started', pid: service.current })
  return event as Started
}
