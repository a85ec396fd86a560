import { setTimeout as delay } from 'node:timers/promises'
import { sum } from 'simple-statistics'
import { Tally, underFire } from '../cannon.js'
import type { Fleet } from './fleet.js'
import { machineCpu, type Usage, usageOf } from './proc.js'

/** From the first request of a round until it counts: connecting. */
const runUp = 150

/** Up to an instant; times in ms. */
interface Mark {
  /** By the pid that gave them. */
  readonly answers: ReadonlyMap<string, number>
  readonly at: number
  /** Of the workers. */
  readonly cpu: number
  readonly head: Usage | undefined
  /** Of the clients. */
  readonly own: NodeJS.CpuUsage
  readonly machine: number
}

/** What was there in one round; times in ms. */
export interface Round {
  /** Of each worker. */
  readonly answers: readonly number[]
  readonly time: number
  /** Of the workers. */
  readonly cpu: number
  readonly head: Usage | undefined
  /** CPU that neither this fleet nor the clients had. */
  readonly others: number
}

/** autocannon on a fleet. */
export function round(fleet: Fleet, port: number, duration: number): Promise<Round> {
  const tally = new Tally()
  const during = async (): Promise<Round> => {
    await delay(runUp)
    const from = markOf(fleet, tally)
    await delay(duration)
    return between(from, markOf(fleet, tally))
  }
  return underFire(port, during, tally)
}

const markOf = ({ workers, head }: Fleet, { answers }: Tally): Mark => ({
  answers: new Map(answers),
  at: performance.now(),
  cpu: sum(workers.map((pid) => usageOf(pid).cpu)),
  head: head === undefined ? undefined : usageOf(head),
  own: process.cpuUsage(),
  machine: machineCpu(),
})

function between(from: Mark, to: Mark): Round {
  const cpu = to.cpu - from.cpu
  const head = to.head && { rss: to.head.rss, cpu: to.head.cpu - (from.head?.cpu ?? 0) }
  const own = (to.own.user + to.own.system - from.own.user - from.own.system) / 1_000
  return {
    answers: [...to.answers].map(([pid, count]) => count - (from.answers.get(pid) ?? 0)),
    time: to.at - from.at,
    cpu,
    head,
    others: to.machine - from.machine - own - cpu - (head?.cpu ?? 0),
  }
}
