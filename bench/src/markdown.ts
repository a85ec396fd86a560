import { markdownTable } from 'markdown-table'
import type { Spread } from './throughput.js'
import type { Totals } from './traffic.js'

export const none = '-'

export function ms(time: number | undefined): string {
  return time === undefined ? none : time.toFixed(1)
}

export function whole(count: number): string {
  return Math.round(count).toLocaleString('en')
}

/** How many failed, and how many of each kind. */
export function failuresOf({ failed, failures }: Totals): string {
  if (failed === 0) return '0'
  const kinds = Object.entries(failures).map(([kind, count]) => `${whole(count)} ${kind}`)
  return `${whole(failed)} (${kinds.join(', ')})`
}

export function spread({ median, low, high }: Spread): string {
  return `${median.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`
}

/** The first column is a name, the others are figures. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const align = head.map((_, column) => (column === 0 ? 'l' : 'r'))
  return markdownTable([[...head], ...rows.map((row) => [...row])], { align })
}
