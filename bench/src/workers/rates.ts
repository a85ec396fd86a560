import pTimeout from 'p-timeout'
import { max, mean, median, sum } from 'simple-statistics'
import { type Spread, spreadOf } from '../throughput.js'
import { type Entrant, entrants } from './entrants.js'
import type { App, Fleet } from './fleet.js'
import { procIsMissing } from './proc.js'
import { type Round, round } from './round.js'

/** For one start, for all rounds of a launch, and for one stop; in ms. */
const patience = 120_000
/** Times in ms. */
export interface RatesPlan {
  /** Of all fleets; each time there are as many rounds as `cycles`. */
  readonly launches: number
  readonly cycles: number
  readonly warmUp: number
  readonly round: number
}

/** What runs under load, one fleet after the other. */
export interface RatesCase {
  readonly title: string
  readonly app: App
}

export const ratesCases: readonly RatesCase[] = [
  { title: '`node:http`', app: 'http' },
  { title: 'Express 5', app: 'express' },
]

/** One fleet under full load. */
export interface Rates {
  readonly title: string
  /** Requests per second, the median of the rounds. */
  readonly rate: number
  /** Divided by that of node:cluster in the same cycle. */
  readonly ratio: Spread
  /** Share of all answers that came from the busiest worker, on average and at most. */
  readonly busiest: { readonly mean: number; readonly max: number }
  /** CPU of the workers and what is over them, in µs per request. */
  readonly cpu: number
  /** CPU time of the workers and what is over them by time: 1 is one core. */
  readonly cores: number
  /** What neither these nor the clients had of the CPU, by time. */
  readonly others: number
  /** Of the process over the workers; undefined where there is none. */
  readonly head: Head | undefined
}

interface Head {
  /** The most that was seen, in bytes. */
  readonly rss: number
  /** In ms per second under full load. */
  readonly cpu: number
  /** In µs. */
  readonly perRequest: number
}

/** One entrant, and what its rounds were, in the order of the cycles. */
interface Lane {
  readonly entrant: Entrant
  readonly rounds: Round[]
}

/** Saturates all fleets in turns. */
export async function ratesOf(
  { app }: RatesCase,
  plan: RatesPlan,
  signal: AbortSignal,
): Promise<Rates[]> {
  const missing = procIsMissing()
  if (missing) throw new Error(missing)
  const lanes = entrants.map((entrant): Lane => ({ entrant, rounds: [] }))
  for (let n = 0; n < plan.launches; n++) await launch(lanes, app, plan, signal)
  const measure = lanes.find(({ entrant }) => entrant.isMeasure)
  if (!measure) throw new Error('there is nothing to compare with')
  return lanes.map((lane) => resultOf(lane, measure))
}

/** Processes of the same code differ by more than rounds of one process: they start anew each time. */
async function launch(
  lanes: readonly Lane[],
  app: App,
  plan: RatesPlan,
  signal: AbortSignal,
): Promise<void> {
  const within = <T>(one: Promise<T>): Promise<T> =>
    pTimeout(one, { milliseconds: patience, signal })
  const fleets = lanes.map(({ entrant, rounds }) => ({ fleet: entrant.create(app), rounds }))
  try {
    const running: Running[] = []
    for (const one of fleets) running.push({ ...one, port: await within(one.fleet.start()) })
    await within(inTurns(running, plan, signal))
    for (const { fleet } of running) await within(fleet.stop())
  } finally {
    await Promise.all(fleets.map(({ fleet }) => fleet[Symbol.asyncDispose]()))
  }
}

interface Running {
  readonly fleet: Fleet
  readonly port: number
  readonly rounds: Round[]
}

async function inTurns(
  running: readonly Running[],
  plan: RatesPlan,
  signal: AbortSignal,
): Promise<void> {
  for (const { fleet, port } of running) await round(fleet, port, plan.warmUp)
  for (let n = 0; n < plan.cycles; n++) {
    // There and back again: what drifts meets all alike.
    const order = n % 2 === 0 ? running : running.toReversed()
    for (const { fleet, port, rounds } of order) {
      signal.throwIfAborted()
      rounds.push(await round(fleet, port, plan.round))
    }
  }
}

const rateOf = ({ answers, time }: Round): number => (sum([...answers]) / time) * 1_000

function resultOf({ entrant, rounds }: Lane, measure: Lane): Rates {
  const heads = rounds.flatMap(({ head }) => head ?? [])
  const headCpu = sum(heads.map(({ cpu }) => cpu))
  const cpu = sum(rounds.map((one) => one.cpu)) + headCpu
  const time = sum(rounds.map((one) => one.time))
  const requests = sum(rounds.map(({ answers }) => sum([...answers])))
  if (requests === 0) throw new Error(`${entrant.title} has answered nothing`)
  const shares = rounds.map(({ answers }) => max([...answers]) / sum([...answers]))
  const ratios = rounds.map((one, n) => {
    const other = measure.rounds[n]
    return other ? rateOf(one) / rateOf(other) : Number.NaN
  })
  return {
    title: entrant.title,
    rate: median(rounds.map(rateOf)),
    ratio: spreadOf(ratios),
    busiest: { mean: mean(shares), max: max(shares) },
    cpu: (cpu / requests) * 1_000,
    cores: cpu / time,
    others: Math.max(0, sum(rounds.map(({ others }) => others)) / time),
    head:
      heads.length === 0
        ? undefined
        : {
            rss: max(heads.map(({ rss }) => rss)),
            cpu: (headCpu / time) * 1_000,
            perRequest: (headCpu / requests) * 1_000,
          },
  }
}
