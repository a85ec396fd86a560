import { setTimeout as delay } from 'node:timers/promises'
import pTimeout from 'p-timeout'
import { median, quantile } from 'simple-statistics'
import { underFire } from './cannon.js'
import { type Framework, type Round, Server, type Side } from './server.js'

/** Beyond the plan: starting servers. */
const patience = 60_000
/** From the first request of a round until it counts: connecting. */
const runUp = 100

/** Times in ms. */
export interface ThroughputPlan {
  readonly warmUp: number
  readonly round: number
  /** Of both servers; each for four rounds. */
  readonly launches: number
}

/** Two servers to compare. */
export interface Pair {
  /** For `--only`. */
  readonly name: string
  readonly title: string
  readonly framework: Framework
  readonly second: Side
}

/** The median, and where the middle half of the values lies. */
export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
}

export interface Comparison {
  readonly title: string
  readonly rate: Compared
  readonly cpu: Compared
  /** How much of a core the servers used. */
  readonly busy: number
}

/** Medians of each side, and of the ratios of paired rounds, the second by the first. */
export interface Compared {
  readonly first: number
  readonly second: number
  readonly ratio: Spread
}

export const pairs: readonly Pair[] = [
  { name: 'express', title: 'Express 5', framework: 'express', second: 'ours' },
  { name: 'koa', title: 'Koa 3', framework: 'koa', second: 'ours' },
  { name: 'fastify', title: 'Fastify 5', framework: 'fastify', second: 'ours' },
  { name: 'http', title: '`node:http` (core)', framework: 'http', second: 'ours' },
  { name: 'control', title: 'control: `node:http` twice', framework: 'http', second: 'bare' },
]

/** Saturates the two in turns. */
export async function compare(
  pair: Pair,
  plan: ThroughputPlan,
  signal: AbortSignal,
): Promise<Comparison> {
  const matches: Match[] = []
  // Two processes of the same code differ by more than two rounds of one process.
  for (let n = 0; n < plan.launches; n++) matches.push(...(await launch(pair, plan, n, signal)))
  const compared = (of: (round: Round) => number): Compared => ({
    first: median(matches.map(({ first }) => of(first))),
    second: median(matches.map(({ second }) => of(second))),
    ratio: spreadOf(matches.map(({ first, second }) => of(second) / of(first))),
  })
  return {
    title: pair.title,
    rate: compared(({ rate }) => rate),
    cpu: compared(({ cpu }) => cpu),
    busy: median(matches.flatMap(({ first, second }) => [first.busy, second.busy])),
  }
}

/** Two rounds, one after the other. */
interface Match {
  readonly first: Round
  readonly second: Round
}

async function launch(
  { framework, second }: Pair,
  plan: ThroughputPlan,
  n: number,
  signal: AbortSignal,
): Promise<Match[]> {
  await using bare = new Server(framework, 'bare')
  await using other = new Server(framework, second)
  const milliseconds = patience + 2 * plan.warmUp + 4 * plan.round
  return await pTimeout(rounds(bare, other, n % 2 === 1, plan), { milliseconds, signal })
}

async function rounds(
  bare: Server,
  other: Server,
  swapped: boolean,
  plan: ThroughputPlan,
): Promise<Match[]> {
  await Promise.all([bare.start(), other.start()])
  const [a, b] = swapped ? [other, bare] : [bare, other]
  for (const server of [a, b]) await round(server, plan.warmUp)
  // ABBA: what drifts meets both alike.
  const [a1, b1] = [await round(a, plan.round), await round(b, plan.round)]
  const [b2, a2] = [await round(b, plan.round), await round(a, plan.round)]
  const order = (ofA: Round, ofB: Round): Match =>
    swapped ? { first: ofB, second: ofA } : { first: ofA, second: ofB }
  return [order(a1, b1), order(a2, b2)]
}

function round(server: Server, duration: number): Promise<Round> {
  return underFire(server.port, async () => {
    await delay(runUp)
    return server.measure(duration)
  })
}

export function spreadOf(values: number[]): Spread {
  const at = (p: number): number => quantile(values, p)
  return { median: at(0.5), low: at(0.25), high: at(0.75) }
}
