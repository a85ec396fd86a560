/** What is asked of the operating system about this process and its children. */
import type { ChildProcess } from 'node:child_process'
import cluster from 'node:cluster'
import { readFileSync } from 'node:fs'
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
}

/** From the parent up to pid 1; none where the OS does not show them (macOS). */
export function ancestors(): Ancestor[] {
  const found: Ancestor[] = []
  for (let pid = process.ppid; pid > 0 && found.length < mostAncestors; ) {
    // A process that made one text of it leaves the rest of the room empty.
    const words = procFile(`/proc/${pid}/cmdline`)?.filter((word) => word !== '')
    const parent = parentOf(pid)
    if (!words || parent === undefined) break
    found.push({ pid, words })
    pid = parent
  }
  return found
}

function parentOf(pid: number): number | undefined {
  // The name in brackets may have anything in it, brackets too.
  const stat = procFile(`/proc/${pid}/stat`)?.[0]
  const parent = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[1]
  return parent === undefined ? undefined : Number(parent)
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
