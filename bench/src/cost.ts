import pTimeout from 'p-timeout'
import { Child } from './child.js'

/** Of all launches, in ms. */
const patience = 120_000
/** Everything that is made between two collections fits. */
const largeYoungSpace = ['--max-semi-space-size=64', '--min-semi-space-size=64']

export interface CostPlan {
  readonly launches: number
  /** Of bare, attached, bare, in each launch. */
  readonly cycles: number
  /** Of a millisecond or less, in each of the three. */
  readonly runs: number
}

/** What a request costs where it is announced and where it ends: the least that was seen. */
export interface Cost {
  readonly ns: number
  readonly bytes: number
}

export interface Costs {
  readonly bare: Cost
  readonly ours: Cost
  /** Bare once more: where it differs from the first, it is noise. */
  readonly again: Cost
}

/** Measures what endless does for each request, apart from what Node and the app do. */
export async function costOf(plan: CostPlan, signal: AbortSignal): Promise<Costs> {
  const all: Costs[] = []
  for (let n = 0; n < plan.launches; n++) {
    const args = [plan.cycles, plan.runs].map(String)
    await using child = new Child('cost.js', args, {}, largeYoungSpace)
    all.push(await pTimeout(child.message<Costs>(), { milliseconds: patience, signal }))
  }
  const least = (side: keyof Costs): Cost => ({
    ns: Math.min(...all.map((one) => one[side].ns)),
    bytes: Math.min(...all.map((one) => one[side].bytes)),
  })
  return { bare: least('bare'), ours: least('ours'), again: least('again') }
}
