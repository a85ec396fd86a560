/** Everything that is asked of the operating system about this process and its children. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import cluster from 'node:cluster'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { isAbsolute, relative, resolve } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { EndlessError, messageOf } from '../errors.js'
import { withLanes } from '../node/lanes.js'
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

/** The NUL-separated words of a file in /proc; undefined where there is no /proc (macOS). */
function procFile(path: string): string[] | undefined {
  if (process.platform !== 'linux' || !isMainThread) return undefined
  try {
    const words = readFileSync(path, 'utf8').split('\0')
    if (words.at(-1) === '') words.pop()
    return words.length > 0 ? words : undefined
  } catch {
    // Hidden by a hardened /proc (hidepid, a sandbox): what Node shows has to do.
    return undefined
  }
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

/** The fds 0 to 2 are stdio, 3 is the IPC channel. */
const firstFd = 4

/** What fds are in a successor: first those that it inherits, then those of the lanes. */
export function successorFds(inherited: number, lanes: number): number[][] {
  const all = Array.from({ length: inherited + lanes }, (_, n) => firstFd + n)
  return [all.slice(0, inherited), all.slice(inherited)]
}

/**
 * Spawns a successor. Its stdio is inherited: through a pipe of ours it would die of EPIPE when we
 * exit. What `fds` and the lanes are in it, {@link successorFds} says.
 */
export function spawnSuccessor(
  plan: SpawnPlan,
  fds: readonly number[],
  laneCount: number,
): ChildProcess {
  if (!existsSync(plan.cwd))
    throw new EndlessError(
      'ERR_ENDLESS_SPAWN',
      `the working directory ${plan.cwd} is gone: put it back, or set "cwd" in a beforeSpawn hook`,
    )
  try {
    const lanes = Array<'pipe'>(laneCount).fill('pipe')
    const stdio: StdioOptions = ['inherit', 'inherit', 'inherit', 'ipc', ...fds, ...lanes]
    const { command, args, cwd, env } = plan
    return withLanes(
      (at) => at >= firstFd + fds.length,
      () => spawn(command, args, { cwd, env, stdio, serialization: 'json' }),
    )
  } catch (cause) {
    throw new EndlessError(
      'ERR_ENDLESS_SPAWN',
      `cannot spawn ${plan.command}: ${messageOf(cause)}`,
      { cause },
    )
  }
}

/**
 * How many fds this process may have; undefined where the OS does not show it. Node has raised the
 * soft limit to the hard one at its start.
 */
export function fdLimit(): number | undefined {
  const limits = procFile('/proc/self/limits')?.[0]
  const found = limits?.match(/^Max open files\s+(\d+)/m)?.[1]
  return found === undefined ? undefined : Number(found)
}

/** Why this process can listen but not upgrade; undefined where it can. */
export function whyNoUpgrade(): string | undefined {
  if (process.platform === 'win32')
    return 'Windows cannot pass a listening socket to a new process: restart the service instead'
  if (!isMainThread) return 'this is a worker thread: upgrade from the main thread'
  if (cluster.isWorker) return 'this is a cluster worker: its listeners belong to the primary'
  if (process.pid === 1)
    return (
      'this is pid 1, whose exit ends the container and the successor with it: run it under an ' +
      'init that outlives its first child'
    )
  return undefined
}

/** Sends a signal to a child; false where it is gone. */
export function signalChild(child: ChildProcess, signal: NodeJS.Signals): boolean {
  return child.exitCode === null && child.signalCode === null && child.kill(signal)
}

export function exitProcess(code: number): void {
  process.exit(code)
}
