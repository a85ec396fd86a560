/** What Linux says of processes. */
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** In ms: `USER_HZ` is 100 on every architecture that Node runs on. */
const tick = 10
const lookEvery = 10

/** What a process has used. */
export interface Usage {
  /** User and system, in ms, since its start. */
  readonly cpu: number
  /** Resident, in bytes. */
  readonly rss: number
}

/** Why nothing of this can be had on this machine, if so. */
export function procIsMissing(): string | undefined {
  const { pid } = process
  if (existsSync(`/proc/${pid}/task/${pid}/children`)) return undefined
  return 'it needs Linux: /proc/PID/stat, and /proc/PID/task/PID/children'
}

/** @throws when there is no such process */
export function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The second field is a name, which may hold blanks and brackets: 14 and 15 count from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user, system] = [Number(fields[11]), Number(fields[12])]
  const rss = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return { cpu: (user + system) * tick, rss: Number(rss?.[1] ?? 0) * 1_024 }
}

/** What all processes of this machine have used, and what its host took away, in ms since its start. */
export function machineCpu(): number {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? ''
  const [user, nice, system, , , irq, softirq, steal] = line.split(/\s+/).slice(1).map(Number)
  const all = [user, nice, system, irq, softirq, steal]
  return all.reduce<number>((total, ticks) => total + (ticks ?? 0), 0) * tick
}

/** Those it has now, however it started them. None where it is gone. */
export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return text.split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

/** Settles when none of them is there. A process that is nobody's child of ours tells nobody of its end. */
export async function gone(pids: readonly number[]): Promise<void> {
  while (pids.some((pid) => existsSync(`/proc/${pid}`))) await delay(lookEvery)
}

/** Those that are still there. */
export function kill(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It is gone.
    }
  }
}
