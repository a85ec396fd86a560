import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { EndlessError } from '../errors.js'
import { inodeAt, logicalCwd } from '../node/index.js'

/** Where a service is asked: each part is found by itself where it is not given. */
export interface ControlLocation {
  /** Of the service; by default the nearest `package.json`'s, or the directory's. */
  readonly name?: string | undefined
  /** The path itself. */
  readonly control?: string | undefined
  readonly env?: NodeJS.ProcessEnv | undefined
  readonly uid?: number | undefined
  readonly cwd?: string | undefined
}

/**
 * The path of the control socket: the service and who asks it find the same one, as long as they are the
 * same user in the same directory, or name it.
 * @throws EndlessError `ERR_ENDLESS_OPTION` for an empty name or path
 */
export function controlPath(location: ControlLocation = {}): string {
  const { name, control, env = process.env, uid = process.getuid?.() ?? 0 } = location
  const cwd = location.cwd ?? logicalCwd(process.cwd(), env.PWD)
  checkText('control', control)
  checkText('name', name)
  if (control !== undefined) return resolve(cwd, control)
  const file = `${safe(name ?? defaultName(cwd))}.sock`
  return join(directoryOf(env, uid), file)
}

function checkText(option: string, value: string | undefined): void {
  if (value === '')
    throw new EndlessError('ERR_ENDLESS_OPTION', `${option}: expected a text, got an empty one`)
}

function directoryOf({ XDG_RUNTIME_DIR: runtime }: NodeJS.ProcessEnv, uid: number): string {
  // Its specification: a relative one is invalid, and to be ignored.
  if (runtime && isAbsolute(runtime)) return join(runtime, 'endless')
  // A login manager has made it for this user; cron, su and a shell of ssh do not always name it.
  const ofUser = `/run/user/${uid}`
  if (inodeAt(ofUser) !== undefined) return join(ofUser, 'endless')
  return uid === 0 ? '/run/endless' : join(tmpdir(), `endless-${uid}`)
}

/** The nearest name upwards; a `package.json` that only says `"type": "module"` has none. */
function defaultName(cwd: string): string {
  for (let directory = cwd; ; directory = dirname(directory)) {
    const name = nameIn(join(directory, 'package.json'))
    if (name !== undefined) return name
    if (directory === dirname(directory)) return basename(cwd) || 'endless'
  }
}

function nameIn(file: string): string | undefined {
  try {
    const found: unknown = JSON.parse(readFileSync(file, 'utf8'))
    const name = typeof found === 'object' && found !== null && 'name' in found ? found.name : ''
    return typeof name === 'string' && name !== '' ? name : undefined
  } catch {
    // None there, or not readable: the next one upwards.
    return undefined
  }
}

/** One name of a file: `@a/b` is `a-b`. */
function safe(name: string): string {
  return name.replace(/^@/, '').replace(/[^\w.-]/g, '-')
}
