import { max, median } from 'simple-statistics'
import { failuresOf, ms, none, spread, tableOf, whole } from '../markdown.js'
import type { Rates } from './rates.js'
import type { Reloads } from './reloads.js'

/** All fleets with one app. */
export interface RatesOf {
  readonly app: string
  readonly rates: readonly Rates[]
}

const part = (share: number): string => share.toFixed(2)

/** What was run of the workers, as parts of the report. */
export function workersParts(all: readonly RatesOf[], reloads: readonly Reloads[]): string[] {
  const parts: string[] = []
  if (all.length > 0)
    parts.push(
      '## Two workers on full load',
      ...all.flatMap(({ app, rates }) => [`${app}:`, ratesTable(rates)]),
      'The ratio is by `node:cluster` in the round beside it: the median, and the middle half. Busiest: ' +
        'its share of all answers in a round, on average and at most; 0.50 is even. CPU is that of the ' +
        'workers and of the process over them, cores busy the same by time. Others: cores that neither ' +
        'they nor the clients had: where that is not near 0, something else ran, and the rates say little.',
    )
  const clients = [...new Set(reloads.map((one) => one.clients))]
  if (reloads.length > 0)
    parts.push(
      '## Two workers, a reload under load',
      ...clients.flatMap((kind) => [
        `${kind}:`,
        reloadsTable(reloads.filter((one) => one.clients === kind)),
      ]),
      'Latencies are of right answers only, in ms. Over reloads: from the command, or the signal, until ' +
        'the old workers are gone; steady: in the 1.2 s before it. Idle timer: how late the timer of a ' +
        'process that does nothing was at most, in the same times. Reload: from the command, or the ' +
        'signal, until the old workers are gone, in ms.',
    )
  if (all.length > 0)
    parts.push(
      '## The process over the workers',
      ...all.flatMap(({ app, rates }) => [`${app}:`, headTable(rates)]),
      'On full load: the supervisor of endless, the primary of `node:cluster`, the daemon of pm2.',
    )
  return parts
}

function ratesTable(rates: readonly Rates[]): string {
  const head = ['', 'req/s', 'ratio', 'busiest', 'at most', 'µs CPU/req', 'cores busy', 'others']
  const rows = rates.map(({ title, rate, ratio, busiest, cpu, cores, others }) => [
    title,
    whole(rate),
    spread(ratio),
    part(busiest.mean),
    part(busiest.max),
    ms(cpu),
    part(cores),
    part(others),
  ])
  return tableOf(head, rows)
}

function headTable(rates: readonly Rates[]): string {
  const head = ['', 'RSS, MB', 'ms CPU per s', 'µs CPU per request']
  const rows = rates.map((one) =>
    one.head
      ? [one.title, ms(one.head.rss / 2 ** 20), ms(one.head.cpu), one.head.perRequest.toFixed(2)]
      : [one.title, none, none, none],
  )
  return tableOf(head, rows)
}

function reloadsTable(reloads: readonly Reloads[]): string {
  const head = [
    '',
    'requests',
    'failed',
    'reconnects',
    'steady p99.9',
    'max',
    'over reloads p99.9',
    'max',
    'idle timer, steady',
    'over reloads',
    'reload, median',
    'max',
  ]
  const rows = reloads.map(({ title, totals, timeline, times }) => {
    const { steady, overUpgrades: over, idle } = timeline
    return [
      title,
      whole(totals.sent),
      failuresOf(totals),
      whole(totals.reconnects),
      ...[steady.p999, steady.max, over.p999, over.max, idle.steady, idle.overUpgrades].map(ms),
      whole(median([...times])),
      whole(max([...times])),
    ]
  })
  return tableOf(head, rows)
}
