import { existsSync, realpathSync } from 'node:fs'
import { delimiter, isAbsolute, join, relative, resolve } from 'node:path'
import { EndlessError } from '../errors.js'
import { procFile, speaksForUnit, withoutNotify } from '../node/index.js'
import { handoverVariable } from './handover.js'
import { withoutPreload } from './preload.js'
import { atStart } from './start.js'

/** How a successor is started: as this process was. A `beforeSpawn` hook may change it. */
export interface SpawnPlan {
  /** The Node executable as it was given: a name that `PATH` finds, a link that a version manager moves. */
  command: string
  /** Node's own options, then the script as it was given, then its arguments. */
  args: string[]
  /** The working directory, with its symlinks: `current` stays `current`. */
  cwd: string
  /** The environment of this process's start, not what the app made of it since. */
  env: NodeJS.ProcessEnv
}

const ownVariables = [
  handoverVariable,
  'NODE_CHANNEL_FD',
  'NODE_CHANNEL_SERIALIZATION_MODE',
  'LISTEN_PID',
  'LISTEN_FDS',
  'LISTEN_FDNAMES',
]

/**
 * The environment at exec, where the OS shows it: a value that dotenv put there since would
 * otherwise win over the changed `.env` of the next release.
 */
function initialEnvironment(): NodeJS.ProcessEnv {
  const pairs = procFile('/proc/self/environ')
  const env: NodeJS.ProcessEnv = pairs
    ? Object.fromEntries(pairs.map((pair) => splitOnce(pair, '=')))
    : { ...(atStart.env ?? process.env) }
  // A child of a service is not the service, and none of its successors is.
  const isForeign = !(handoverVariable in env) && !speaksForUnit(env)
  for (const name of ownVariables) delete env[name]
  return withoutPreload(isForeign ? withoutNotify(env) : env)
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

/** What this process knows of its own start. */
export interface Start {
  /** The command line as the kernel keeps it, where it shows it. */
  readonly kept: readonly string[] | undefined
  readonly argv0: string
  readonly argv: readonly string[]
  readonly execArgv: readonly string[]
  readonly execPath: string
  /** The working directory without symlinks, and with them. */
  readonly physical: string
  readonly cwd: string
  /** `PATH` at the start. */
  readonly path: string
}

/**
 * Node's options, the script as it was given, and its arguments. From the kernel: an app may have emptied
 * `process.argv`, as fastify-cli does, and `process.argv[1]` is made absolute with the resolved cwd, so
 * that after `cd current && node app.js` it names the *old* release.
 */
export function argumentsOf({ kept, argv0, argv, execArgv, physical }: Start): string[] {
  const script = argv[1]
  // A process title that was set since has overwritten it.
  if (kept?.[0] !== argv0 || kept.length < 2)
    return [
      ...execArgv,
      ...(script === undefined ? [] : [inside(script, physical)]),
      ...argv.slice(2),
    ]
  const [, ...all] = kept
  const given = all[execArgv.length]
  // The directory was changed meanwhile: then it is not there.
  const isLost =
    given !== undefined && script !== undefined && !existsSync(resolve(physical, given))
  if (isLost && resolve(physical, given) !== script) all[execArgv.length] = script
  return all
}

function inside(script: string, cwd: string): string {
  const path = relative(cwd, script)
  return path.startsWith('..') || isAbsolute(path) ? script : path
}

/**
 * The executable as it was given. `process.execPath` is where its links led to at the start: the version
 * of then, which may be gone.
 */
export function commandOf({ argv0, execPath, cwd, path }: Start): string {
  if (argv0.includes('/')) {
    const given = resolve(cwd, argv0)
    return leadsTo(given, execPath) ? given : execPath
  }
  const found = path.split(delimiter).map((directory) => join(directory, argv0))
  return leadsTo(found.find((one) => existsSync(one)) ?? '', execPath) ? argv0 : execPath
}

function leadsTo(path: string, execPath: string): boolean {
  try {
    return realpathSync(path) === execPath
  } catch {
    return false
  }
}

function planOfStart(): Readonly<SpawnPlan> {
  const env = initialEnvironment()
  const kept = atStart.kept?.split('\0').slice(0, -1)
  const start = { ...atStart, kept: kept?.length ? kept : undefined, path: env.PATH ?? '' }
  return { command: commandOf(start), args: argumentsOf(start), cwd: start.cwd, env }
}

const start = planOfStart()
const evaluates = /^(-e|-p|-pe|--eval|--print)$/

/** A fresh copy of how this process was started; throws `ERR_ENDLESS_UNSUPPORTED` where nobody knows. */
export function spawnPlan(): SpawnPlan {
  const { execArgv } = atStart
  const isKnown = start.args.length > execArgv.length || execArgv.some((one) => evaluates.test(one))
  if (!isKnown)
    throw new EndlessError(
      'ERR_ENDLESS_UNSUPPORTED',
      'how this process was started is not known (its command line has no script: it came by stdin, or ' +
        'the app has emptied process.argv): start it with a script that loads endless first',
    )
  return { ...start, args: [...start.args], env: { ...start.env } }
}
