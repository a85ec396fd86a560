import { setTimeout as delay } from 'node:timers/promises'
import pTimeout from 'p-timeout'
import { Idle } from '../idle.js'
import { Timeline } from '../timeline.js'
import { type Crew, type Totals, Traffic } from '../traffic.js'
import { type Entrant, entrants } from './entrants.js'
import { gone, procIsMissing } from './proc.js'

/** Beyond the plan: starting, stopping, and each reload; in ms. */
const patience = 60_000

/** Times in ms. */
export interface ReloadsPlan {
  readonly reloads: number
  readonly warmUp: number
  /** Between the end of a reload and the next: what is looked at as steady lies in it. */
  readonly pause: number
}

/** A fleet that is reloaded under clients of one kind. */
export interface ReloadsCase {
  readonly title: string
  readonly entrant: Entrant
  readonly clients: string
  /** Those of every trial, if not given. */
  readonly crews?: readonly Crew[]
}

const kinds: readonly Pick<ReloadsCase, 'clients' | 'crews'>[] = [
  { clients: '100 keep-alive connections' },
  {
    clients: '20 clients, a connection per request',
    crews: [{ mode: 'new-connection', connections: 20, thinkTime: [0, 20] }],
  },
]

export const reloadsCases: readonly ReloadsCase[] = kinds.flatMap((kind) =>
  entrants
    .filter(({ isAlone }) => !isAlone)
    .map((entrant) => ({ title: `${entrant.title}, ${kind.clients}`, entrant, ...kind })),
)

export interface Reloads {
  readonly title: string
  readonly clients: string
  readonly totals: Totals
  readonly timeline: Timeline
  /** From the command or signal until every old worker is gone, in ms. */
  readonly times: readonly number[]
}

/** Reloads a fleet under load, several times. */
export async function reloadsOf(
  { entrant, clients, crews }: ReloadsCase,
  plan: ReloadsPlan,
  signal: AbortSignal,
): Promise<Reloads> {
  const missing = procIsMissing()
  if (missing) throw new Error(missing)
  await using fleet = entrant.create('echo')
  const within = <T>(one: Promise<T>): Promise<T> =>
    pTimeout(one, { milliseconds: patience, signal })
  const port = await within(fleet.start())
  await using idle = new Idle()
  await within(warmUp(port, plan))
  const timeline = new Timeline()
  await using traffic = new Traffic(port, timeline, crews)
  const times: number[] = []
  for (let n = 0; n < plan.reloads; n++) {
    await within(delay(plan.pause))
    const old = [...fleet.workers]
    timeline.upgrade()
    const began = performance.now()
    await within(fleet.upgrade().then(() => gone(old)))
    times.push(performance.now() - began)
    timeline.upgraded()
  }
  // What comes late is a failure of the last one.
  await within(delay(plan.pause))
  timeline.idled(await idle.look())
  const totals = await traffic.stop()
  await within(fleet.stop())
  return { title: entrant.title, clients, totals, timeline, times }
}

async function warmUp(port: number, plan: ReloadsPlan): Promise<void> {
  await using _traffic = new Traffic(port, new Timeline())
  await delay(plan.warmUp)
}
