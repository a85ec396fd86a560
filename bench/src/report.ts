import { median } from 'simple-statistics'
import type { Cost, Costs } from './cost.js'
import type { Instructions } from './instructions.js'
import type { Latency } from './latency.js'
import { failuresOf, ms, none, spread, tableOf, whole } from './markdown.js'
import type { Evidence } from './proof.js'
import { type Sockets, socketsTable } from './sockets/index.js'
import type { Compared, Comparison } from './throughput.js'
import type { Trial } from './trial.js'
import { type RatesOf, type Reloads, workersParts } from './workers/index.js'

export interface Fault {
  readonly title: string
  readonly reason: string
}

/** What was run, and what could not be. */
export interface Results {
  /** Machine and time, one line each. */
  readonly about: readonly string[]
  /** What this machine does not have. */
  readonly leftOut: readonly Fault[]
  readonly costs: readonly Costs[]
  readonly instructions: readonly Instructions[]
  readonly latencies: readonly Latency[]
  readonly evidence: readonly Evidence[]
  readonly trials: readonly Trial[]
  readonly comparisons: readonly Comparison[]
  readonly rates: readonly RatesOf[]
  readonly reloads: readonly Reloads[]
  readonly sockets: readonly Sockets[]
  readonly faults: readonly Fault[]
}

/** The whole report, as markdown. */
export function reportOf(results: Results): string {
  const { about, leftOut, costs, instructions, latencies, evidence, trials, comparisons, faults } =
    results
  const lines = [...about, ...leftOut.map(({ title, reason }) => `${title} is left out: ${reason}`)]
  const parts = ['# Benchmark', lines.map((line) => `- ${line}`).join('\n')]
  if (costs.length > 0)
    parts.push(
      '## What endless does for each request',
      ...costs.map(costTable),
      'The least of many short runs of one process, bare and attached in turns, without what Node and ' +
        'the app do themselves. The control is bare against bare: what it shows is noise.',
    )
  if (instructions.length > 0)
    parts.push(
      '## Instructions per request, over real sockets',
      instructionsTable(instructions),
      'Counted by callgrind, on one thread, once the code is warm: of the server, and of the client that is in ' +
        'the same process. The control is bare against bare.',
    )
  if (latencies.length > 0)
    parts.push(
      '## What clients see of a deploy',
      latencyTable(latencies),
      'Medians over the upgrades, in ms. Over upgrades: from each signal on; steady: for as long before ' +
        'it. Half load: a hundred connections that pause so that the server has half of what it can do. ' +
        'Beside a bare start: from the moment on in which the same app is started without endless, and ' +
        'serves nobody: what the CPU that any start takes costs the others. Ready: from the signal until the successor serves; bare start: the same app without endless, from ' +
        'its fork until it listens, under the same load.',
    )
  const [some] = results.sockets
  if (some)
    parts.push(
      '## What WebSocket clients see of a deploy',
      socketsTable(results.sockets),
      `${some.clients} clients, half of them deflated, that say something each 500 ms and come back 100 ms after they are ` +
        `closed, over ${some.deploys} deploys. Messages lost: said, and never answered; pushes missed: what the server ` +
        'would have said, twice a second, to a client that was not there; state lost: what a server had counted for ' +
        'a client, and counted from 1 again. All back: from the signal, or the start of the command, until each is ' +
        'answered by the new process, the median. Echo: in ms, in the 2.5 s before and after that moment.',
    )
  if (evidence.length > 0)
    parts.push(
      '## What was sent, and what became of it',
      proofTable(evidence),
      'Failed: no complete, right answer; no client tries again. Reconnects: connections that clients ' +
        'had to open because the server had ended their last one.',
    )
  if (trials.length > 0)
    parts.push(
      '## Upgrades under load',
      upgradeTable(trials),
      'Latencies are of right answers only, in ms: a request that failed counts as failed, and its ' +
        'time is in no percentile. Over upgrades: in the 1.2 s from each signal on; steady: in the 1.2 s ' +
        'before it. The control is endless and is sent no signal: what it shows in the same windows is ' +
        'noise. Idle timer: how late the timer of a process that does nothing was at most; the CPU ' +
        'that a new process takes for its start is in it. Every answer, failure and signal is in ' +
        'latest.csv. Ready: from the signal, or the start of the `pm2` command, to ' +
        'the first response of the new process to this load, in ms.',
    )
  if (comparisons.length > 0)
    parts.push(
      '## Throughput',
      throughputTable(comparisons),
      'Medians; the ratios are those of paired rounds, endless by bare, with the middle half of ' +
        'them. The control compares a server with itself: what it shows is noise.',
    )
  parts.push(...workersParts(results.rates, results.reloads))
  if (faults.length > 0)
    parts.push(
      '## Could not be run',
      ...faults.map(({ title, reason }) => `${title}:\n\n\`\`\`text\n${reason.trim()}\n\`\`\``),
    )
  return `${parts.join('\n\n')}\n`
}

function costTable({ bare, ours, again }: Costs): string {
  const row = (name: string, { ns, bytes }: Cost): string[] => [name, ms(ns), whole(bytes)]
  const beyond = (one: Cost): Cost => ({ ns: one.ns - bare.ns, bytes: one.bytes - bare.bytes })
  return tableOf(
    ['', 'ns/request', 'bytes/request'],
    [
      row('bare', bare),
      row('endless', ours),
      row('endless adds', beyond(ours)),
      row('control adds', beyond(again)),
    ],
  )
}

function instructionsTable(all: readonly Instructions[]): string {
  const rows = all.map(({ title, bare, ours, again }) => [
    title,
    ...[bare, ours, ours - bare, again - bare].map(whole),
  ])
  return tableOf(['', 'bare', 'endless', 'endless adds', 'control adds'], rows)
}

function latencyTable(latencies: readonly Latency[]): string {
  const head = [
    '',
    'req/s',
    'failed',
    'reconnects',
    'steady p99.9',
    'max',
    'over upgrades p99.9',
    'max',
    'beside a bare start p99.9',
    'max',
    'ready',
    'bare start',
  ]
  const rows = latencies.map(
    ({ title, rate, failed, reconnects, steady, over, beside, ready, bareStart }) => [
      title,
      ...[rate, failed, reconnects].map(whole),
      ...[
        steady.p999,
        steady.max,
        over.p999,
        over.max,
        beside.p999,
        beside.max,
        ready,
        bareStart,
      ].map(ms),
    ],
  )
  return tableOf(head, rows)
}

function proofTable(evidence: readonly Evidence[]): string {
  const contenders = [...new Set(evidence.map(({ contender }) => contender))]
  const kinds = [...new Set(evidence.map(({ kind }) => kind))]
  const cell = (kind: Evidence['kind'], contender: string): string => {
    const found = evidence.find((one) => one.kind === kind && one.contender === contender)
    if (!found) return none
    const { failed, sent, reconnects } = found.totals
    return `${whole(failed)} of ${whole(sent)} failed, ${whole(reconnects)} reconnects`
  }
  const rows = kinds.map((kind) => [
    kind.sent,
    kind.clients,
    ...contenders.map((contender) => cell(kind, contender)),
  ])
  return tableOf(['what was sent', 'clients', ...contenders], rows)
}

function upgradeTable(trials: readonly Trial[]): string {
  const head = [
    '',
    'requests',
    'failed',
    'forced reconnects',
    'p50',
    'steady p99',
    'p99.9',
    'max',
    'over upgrades p99',
    'p99.9',
    'max',
    'idle timer, steady max',
    'over upgrades max',
    'ready, median',
    'ready, max',
  ]
  const rows = trials.map(({ title, totals, timeline }) => {
    const { steady, overUpgrades: over } = timeline
    const ready = timeline.upgrades.flatMap((upgrade) => upgrade.ready ?? [])
    return [
      title,
      whole(totals.sent),
      failuresOf(totals),
      whole(totals.reconnects),
      ms(timeline.latencies.p50),
      ...[steady, over].flatMap(({ p99, p999, max }) => [p99, p999, max].map(ms)),
      ms(timeline.idle.steady),
      ms(timeline.idle.overUpgrades),
      ms(ready.length > 0 ? median(ready) : undefined),
      ms(ready.length > 0 ? Math.max(...ready) : undefined),
    ]
  })
  return tableOf(head, rows)
}

function throughputTable(comparisons: readonly Comparison[]): string {
  const head = [
    '',
    'bare, req/s',
    'endless, req/s',
    'ratio',
    'bare, µs CPU/req',
    'endless, µs CPU/req',
    'ratio',
    'cores busy',
  ]
  const sides = ({ first, second }: Compared, show: (value: number) => string): string[] => [
    show(first),
    show(second),
  ]
  const rows = comparisons.map(({ title, rate, cpu, busy }) => [
    title,
    ...sides(rate, whole),
    spread(rate.ratio),
    ...sides(cpu, (value) => value.toFixed(1)),
    spread(cpu.ratio),
    busy.toFixed(2),
  ])
  return tableOf(head, rows)
}
