/** What is asked of the operating system about this process and its children. */
import type { ChildProcess } from 'node:child_process'
import cluster from 'node:cluster'
import { closeSync, openSync, realpathSync } from 'node:fs'
import type { Server } from 'node:net'
import { isAbsolute } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { procFile } from './proc.js'

/**
 * How many fds this process may have; undefined where the OS does not show it. Node has raised the
 * soft limit to the hard one at its start.
 */
export function fdLimit(): number | undefined {
  const limits = procFile('/proc/self/limits')?.[0]
  const found = limits?.match(/^Max open files\s+(\d+)/m)?.[1]
  return found === undefined ? undefined : Number(found)
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
  if (hasWorkers())
    return (
      'this is the primary of a cluster, which holds the listeners of its workers by itself: restart the ' +
      'workers instead, or run one process on each port'
    )
  if (process.pid === 1)
    return (
      'this is pid 1, whose exit ends the container and the successor with it: run it under an ' +
      'init that outlives its first child'
    )
  return undefined
}

function hasWorkers(): boolean {
  return Object.keys(cluster.workers ?? {}).length > 0
}

/**
 * Whether Node itself takes part here: what a cluster's worker listens on belongs to the primary, which has
 * a server for it that it takes apart once it listens.
 */
export function isOfCluster(server: Server): boolean {
  if (cluster.isWorker) return true
  const [accepts] = server.listeners('connection')
  return hasWorkers() && accepts?.name === 'fail' && server.listenerCount('connection') === 1
}

/** Sends a signal to a child; false where it is gone. */
export function signalChild(child: ChildProcess, signal: NodeJS.Signals): boolean {
  return child.exitCode === null && child.signalCode === null && child.kill(signal)
}

export function exitProcess(code: number): void {
  process.exit(code)
}

/** Whether a process lives, ours or somebody else's. */
export function isLiving(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** `process.cwd()` resolves symlinks; `$PWD` keeps them, where it names the same directory. */
export function logicalCwd(physical: string, pwd: string | undefined): string {
  try {
    if (pwd && isAbsolute(pwd) && realpathSync(pwd) === physical) return pwd
  } catch {
    // $PWD names nothing (any more): the physical one is all there is.
  }
  return physical
}
