import type { DrainStatus, ServiceStatus, WorkerStatus } from '@endlessjs/core/control'
import Table from 'cli-table3'
import type { Output } from './output.js'
import { showSize, showTime } from './units.js'

type Colours = Output['colours']

interface Column {
  readonly title: string
  readonly cell: (worker: WorkerStatus, colours: Colours) => string
}

const columns: readonly Column[] = [
  { title: 'slot', cell: ({ slot }) => String(slot) },
  { title: 'generation', cell: ({ generation }) => show(generation, String) },
  { title: 'pid', cell: ({ pid }) => show(pid, String) },
  { title: 'release', cell: ({ release }) => show(release, plain) },
  { title: 'state', cell: ({ state }, colours) => colouredState(state, colours) },
  { title: 'up', cell: ({ uptime }) => show(uptime, showTime) },
  { title: 'connections', cell: ({ connections }) => show(connections, String) },
  { title: 'in flight', cell: ({ inFlight }) => show(inFlight, String) },
  { title: 'rss', cell: ({ rss }) => show(rss, showSize) },
  { title: 'loop delay', cell: ({ delay }) => show(delay, (ms) => `${ms.toFixed(1)} ms`) },
  { title: 'restarts', cell: ({ restarts }) => show(restarts, String) },
]

/** A table of the workers, and beneath it who holds a drain. */
export function statusText(status: ServiceStatus, colours: Colours): string {
  const { name, pid, release, uptime, state, workers } = status
  const head = [
    colours.bold(plain(name)),
    colouredState(state, colours),
    `pid ${pid}`,
    `release ${plain(release)}`,
    `up ${showTime(uptime)}`,
  ].join('  ')
  const drains = workers.flatMap(({ slot, draining }) =>
    draining.map((one) => drainText(slot, one, colours)),
  )
  return [head, '', tableOf(workers, colours), ...(drains.length > 0 ? ['', ...drains] : [])].join(
    '\n',
  )
}

function tableOf(workers: readonly WorkerStatus[], colours: Colours): string {
  const none = ''
  const table = new Table({
    head: columns.map(({ title }) => colours.dim(title)),
    // Space alone: what is copied into a ticket stays readable, and `awk` works.
    chars: {
      top: none,
      'top-mid': none,
      'top-left': none,
      'top-right': none,
      bottom: none,
      'bottom-mid': none,
      'bottom-left': none,
      'bottom-right': none,
      left: none,
      'left-mid': none,
      mid: none,
      'mid-mid': none,
      right: none,
      'right-mid': none,
      middle: '  ',
    },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  })
  for (const worker of workers) table.push(columns.map(({ cell }) => cell(worker, colours)))
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

function drainText(slot: number, drain: DrainStatus, colours: Colours): string {
  const { generation, pid, age, hammerIn, holds } = drain
  const held = holds.length > 0 ? `held by ${holds.map(plain).join(', ')}` : 'held by nobody'
  const end = hammerIn === false ? 'no hammer' : `hammer in ${showTime(hammerIn)}`
  return (
    `${colours.yellow('draining')}  slot ${slot}, generation ${generation}, pid ${pid}, ` +
    `for ${showTime(age)}, ${end}: ${held}`
  )
}

function colouredState(state: string, colours: Colours): string {
  const text = plain(state)
  if (/^(ready|serving)$/.test(text)) return colours.green(text)
  return /fail|crash|dead|stopped/.test(text) ? colours.red(text) : colours.yellow(text)
}

function show<T>(value: T | undefined, text: (value: T) => string): string {
  return value === undefined ? '-' : text(value)
}

/** What a client asked for may be in it: nothing of that may move the cursor. */
function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, '?')
}
