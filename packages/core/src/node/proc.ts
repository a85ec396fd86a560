/** What Linux shows of processes in /proc. Where there is none (macOS), nothing is known. */
import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'
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
    const words = wordsOf(pid)
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
  /** Since the start of the machine, in clock ticks. */
  readonly started: number
}

/** `USER_HZ`: the same on every Linux, whatever the kernel's own clock. */
const ticksPerSecond = 100

function statOf(pid: number | 'self'): Stat | undefined {
  // The name in brackets may have anything in it, brackets too.
  const stat = procFile(`/proc/${pid}/stat`)?.[0]
  const fields = stat
    ?.slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const [, parent, , session, terminal] = fields ?? []
  const started = fields?.[19]
  if (parent === undefined || session === undefined || terminal === undefined) return undefined
  return { parent, session, terminal, started: started ?? 0 }
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

/** When a process was started, as `Date.now()` counts, give or take some ms. */
export function startOf(pid: number): number | undefined {
  const stat = statOf(pid)
  return stat && Date.now() - (uptime() - stat.started / ticksPerSecond) * 1_000
}

/** The command line of a process. */
export function wordsOf(pid: number): string[] | undefined {
  // A process that made one text of it leaves the rest of the room empty.
  return procFile(`/proc/${pid}/cmdline`)?.filter((word) => word !== '')
}
