import { realpathSync } from 'node:fs'
import { isAbsolute, relative, resolve } from 'node:path'
import { procFile } from '../node/index.js'
import { handoverVariable } from './handover.js'
import { withoutPreload } from './preload.js'

/** How a successor is started: as this process was. A `beforeSpawn` hook may change it. */
export interface SpawnPlan {
  /** The Node executable. */
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
    : { ...process.env }
  for (const name of ownVariables) delete env[name]
  return withoutPreload(env)
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

/** `process.cwd()` resolves symlinks; `$PWD` keeps them, where it names the same directory. */
function logicalCwd(physical: string, pwd: string | undefined): string {
  try {
    if (pwd && isAbsolute(pwd) && realpathSync(pwd) === physical) return pwd
  } catch {
    // $PWD names nothing (any more): the physical one is all there is.
  }
  return physical
}

/**
 * The script as it was given. `process.argv[1]` is made absolute with the resolved cwd, so after
 * `cd current && node app.js` it names the *old* release.
 */
function givenScript(script: string, cwd: string): string {
  const given = procFile('/proc/self/cmdline')?.[1 + process.execArgv.length]
  if (given !== undefined && resolve(cwd, given) === script) return given
  const inside = relative(cwd, script)
  return inside.startsWith('..') || isAbsolute(inside) ? script : inside
}

function planOfStart(): Readonly<SpawnPlan> {
  const physical = process.cwd()
  const [script, ...args] = process.argv.slice(1)
  return {
    command: process.execPath,
    args: [
      ...process.execArgv,
      ...(script === undefined ? [] : [givenScript(script, physical)]),
      ...args,
    ],
    cwd: logicalCwd(physical, process.env.PWD),
    env: initialEnvironment(),
  }
}

const start = planOfStart()

/** A fresh copy of how this process was started. */
export function spawnPlan(): SpawnPlan {
  return { ...start, args: [...start.args], env: { ...start.env } }
}
