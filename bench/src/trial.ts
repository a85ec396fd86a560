import { setTimeout as delay } from 'node:timers/promises'
import pTimeout from 'p-timeout'
import type { Contender } from './contenders/index.js'
import type { Upgradable } from './contenders/upgradable.js'
import { Idle } from './idle.js'
import { Timeline } from './timeline.js'
import { type Crew, type Totals, Traffic } from './traffic.js'

/** Beyond the plan: starting, stopping, and what is slow. */
const patience = 60_000

/** Times in ms. */
export interface TrialPlan {
  readonly warmUp: number
  readonly duration: number
  /** When to signal, unless the upgrade before is not over. */
  readonly upgradesAt: readonly number[]
}

/** How a contender's upgrades went. */
export interface Trial {
  readonly title: string
  /** Nothing was sent at the times of the upgrades. */
  readonly isControl: boolean
  readonly totals: Totals
  readonly timeline: Timeline
}

/**
 * Upgrades a contender under load.
 * @param crews the clients, if not those of every trial
 */
export async function tryOut(
  contender: Contender,
  plan: TrialPlan,
  signal: AbortSignal,
  crews?: readonly Crew[],
): Promise<Trial> {
  await using service = contender.create()
  const { title, isControl = false } = contender
  const milliseconds = patience + plan.warmUp + plan.duration
  const port = await pTimeout(service.start(), { milliseconds, signal })
  await using idle = new Idle()
  await pTimeout(warmUp(port, plan), { milliseconds, signal })
  const timeline = new Timeline()
  await using traffic = new Traffic(port, timeline, crews)
  await pTimeout(upgrades(service, timeline, plan), { milliseconds, signal })
  timeline.idled(await idle.look())
  const totals = await traffic.stop()
  await pTimeout(service.stop(), { milliseconds, signal })
  return { title, isControl, totals, timeline }
}

async function warmUp(port: number, plan: TrialPlan): Promise<void> {
  await using _traffic = new Traffic(port, new Timeline())
  await delay(plan.warmUp)
}

async function upgrades(service: Upgradable, timeline: Timeline, plan: TrialPlan): Promise<void> {
  const started = performance.now()
  const until = (at: number): Promise<void> => delay(Math.max(0, started + at - performance.now()))
  for (const at of plan.upgradesAt) {
    await until(at)
    timeline.upgrade()
    await service.upgrade()
  }
  await until(plan.duration)
}
