import Table from 'cli-table3'
import { versions } from './releases.js'
import type { Outcome } from './story.js'
import { kinds, type Traffic } from './traffic.js'

const plain = { head: [], border: [], compact: true }
const ms = (time: number): string => `${time.toFixed(0)} ms`

/**
 * Who answered the requests of each load, what became of those that nobody answered, and how often
 * clients had to open a connection.
 */
export function loadTable(loads: readonly Traffic[]): string {
  const columns = [...versions, ...kinds]
  const rows = loads.map(({ name, answers, failures }) => ({
    name,
    counts: [...versions.map((one) => answers.of(one)), ...kinds.map((kind) => failures[kind])],
  }))
  const sums = columns.map((_, i) => rows.reduce((sum, { counts }) => sum + (counts[i] ?? 0), 0))
  const table = new Table({
    style: plain,
    colAligns: ['left', ...columns.map(() => 'right' as const)],
  })
  table.push(
    ['', across('answered by', versions.length), across('failed', kinds.length)],
    ['requests', ...columns],
    ...rows.map(({ name, counts }) => [name, ...counts]),
    ['all', ...sums],
    connectionRow(loads),
  )
  return table.toString()
}

/** What became of each deploy. */
export function deployTable({ deploys, rollback, exitCode }: Outcome): string {
  const table = new Table({
    style: plain,
    head: ['deploy', 'ready after', 'under way then', 'gone after', 'outcome'],
  })
  for (const { version, ready, requests, gone, outcome } of deploys) {
    table.push([version, ms(ready), `${requests} requests`, ms(gone), outcome])
  }
  if (rollback) {
    const { version, after, reason } = rollback
    table.push([version, 'never', '', '', `rolled back in ${ms(after)}: ${reason}`])
  }
  if (exitCode !== undefined) table.push(['stop', '', '', '', `exit code ${exitCode}`])
  return table.toString()
}

/** How often the clients that keep their connections had to open one. */
function connectionRow(loads: readonly Traffic[]): (string | Table.CellOptions)[] {
  const kept = loads.flatMap((load) => load.kept ?? [])
  const sum = (of: 'clients' | 'opened' | 'reconnects'): number =>
    kept.reduce((total, one) => total + one[of], 0)
  return [
    'kept connections',
    across(`${sum('opened')} opened by ${sum('clients')} clients`, versions.length),
    across(`${sum('reconnects')} reconnects forced`, kinds.length),
  ]
}

function across(content: string, colSpan: number): Table.CellOptions {
  return { content, colSpan, hAlign: 'center' }
}
