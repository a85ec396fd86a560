/** What is asked of the operating system about this process and its children. */
import type { ChildProcess } from 'node:child_process'
import cluster from 'node:cluster'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

/** The NUL-separated words of a file in /proc; undefined where there is no /proc (macOS). */
export function procFile(path: string): string[] | undefined {
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

/**
 * How many fds this process may have; undefined where the OS does not show it. Node has raised the
 * soft limit to the hard one at its start.
 */
export function fdLimit(): number | undefined {
  const limits = procFile('/proc/self/limits')?.[0]
  const found = limits?.match(/^Max open files\s+(\d+)/m)?.[1]
  return found === undefined ? undefined : Number(found)
}

/** No chain of launchers is longer. */
const mostAncestors = 32

/** A process that this one descends from. */
export interface Ancestor {
  readonly pid: number
  /** Its command line; a process may have made one text of it (npm, pm2). */
  readonly words: readonly string[]
  /** Whether it leads the session of a terminal. */
  readonly leadsTerminal?: boolean
}

/** From the parent up to pid 1; none where the OS does not show them (macOS). */
export function ancestors(): Ancestor[] {
  const found: Ancestor[] = []
  for (let pid = process.ppid; pid > 0 && found.length < mostAncestors; ) {
    // A process that made one text of it leaves the rest of the room empty.
    const words = procFile(`/proc/${pid}/cmdline`)?.filter((word) => word !== '')
    const stat = statOf(pid)
    if (!words || !stat) break
    found.push({ pid, words, leadsTerminal: leadsIts(pid, stat) })
    pid = stat.parent
  }
  return found
}

interface Stat {
  readonly parent: number
  /** The pid of the process that leads its session. */
  readonly session: number
  /** The controlling terminal; 0 where it has none. */
  readonly terminal: number
}

function statOf(pid: number | 'self'): Stat | undefined {
  // The name in brackets may have anything in it, brackets too.
  const stat = procFile(`/proc/${pid}/stat`)?.[0]
  const fields = stat
    ?.slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const [, parent, , session, terminal] = fields ?? []
  if (parent === undefined || session === undefined || terminal === undefined) return undefined
  return { parent, session, terminal }
}

/**
 * Whether this process leads the session of a terminal: at its exit the kernel hangs that up, with a HUP
 * for everybody in the foreground. Not known where there is no /proc (macOS).
 */
export function leadsTerminal(): boolean {
  const stat = statOf('self')
  return stat !== undefined && leadsIts(process.pid, stat)
}

function leadsIts(pid: number, { session, terminal }: Stat): boolean {
  return session === pid && terminal !== 0
}

/** Whether this process has a controlling terminal; not once that was hung up. */
export function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}

/**
 * Whether HUP was ignored when this process was started, as nohup does. Node sets every signal back at its
 * own start, so what the kernel shows of this process does not tell: traces of nohup do, and a parent that
 * ignores HUP, which a child inherits.
 */
export function startedWithoutHangup(): boolean {
  const nohup = procFile('/proc/self/environ')?.some((pair) => /^_=(.*\/)?nohup$/.test(pair))
  const ignored = procFile(`/proc/${process.ppid}/status`)?.[0]?.match(
    /^SigIgn:\s+([0-9a-f]+)/m,
  )?.[1]
  const hangup = 1n
  return nohup === true || (ignored !== undefined && (BigInt(`0x${ignored}`) & hangup) === hangup)
}

/** Why no process of this kind can be upgraded, whoever started it; undefined where it can. */
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
