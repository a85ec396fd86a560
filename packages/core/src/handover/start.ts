/**
 * What can be seen at the start of this process, and perhaps not any more when it is asked for. The preload
 * `auto` looks before the app runs, and must cost next to nothing: so nothing is made of it here.
 */
import { readFileSync, realpathSync } from 'node:fs'
import { isAbsolute } from 'node:path'

/** What this process knows of its own start. */
export interface AtStart {
  readonly argv0: string
  readonly argv: readonly string[]
  /** Node's own options. */
  readonly execArgv: readonly string[]
  readonly execPath: string
  /** The working directory without symlinks, and with them. */
  readonly physical: string
  readonly cwd: string
  /** The environment, where the OS does not keep it. */
  readonly env: NodeJS.ProcessEnv | undefined
  /** The command line as the kernel keeps it until somebody sets a title. */
  readonly kept: string | undefined
  readonly parent: number
  /** Whether the parent talks to it. */
  readonly hasChannel: boolean
}

/** Kept by name on the process: the app may have another copy of this package than its preload is of. */
const key = Symbol.for('@endlessjs/core:start')

function look(): AtStart {
  const { argv0, argv, execArgv, execPath, env, platform } = process
  const physical = process.cwd()
  return {
    argv0,
    argv: [...argv],
    execArgv: [...execArgv],
    execPath,
    physical,
    cwd: logicalCwd(physical, env.PWD),
    env: platform === 'linux' ? undefined : { ...env },
    kept: platform === 'linux' ? kept() : undefined,
    parent: process.ppid,
    hasChannel: process.channel !== undefined,
  }
}

function kept(): string | undefined {
  try {
    return readFileSync('/proc/self/cmdline', 'utf8')
  } catch {
    // Hidden by a hardened /proc: what Node shows has to do.
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

function lookOnce(): AtStart {
  const seen: AtStart | undefined = Reflect.get(process, key)
  const start = seen ?? look()
  Reflect.set(process, key, start)
  return start
}

/** As whoever looked first saw it. */
export const atStart: AtStart = lookOnce()
