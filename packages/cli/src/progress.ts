import { readProgress } from '@endlessjs/core/control'
import type { Output } from './output.js'

const good = /^(ready|served|serving|passed|done|stopped|scaled)\b/
const bad = /fail|roll|crash|exit|timeout|kill|hammer/

/** Says what a service does, a line for each event as it comes. */
export function tellProgress(output: Output): (event: object) => void {
  return (event) => {
    if (output.json) return output.data({ event })
    const progress = readProgress(event)
    // Of a later release: no line is better than one that nobody understands.
    if (!progress) return
    const { phase, slot, generation, pid, text } = progress
    const where = [
      slot === undefined ? '' : `slot ${slot}`,
      generation === undefined ? '' : `generation ${generation}`,
      pid === undefined ? '' : `pid ${pid}`,
    ]
    const rest = [where.filter((one) => one !== '').join(', '), indented(text)]
    const said = rest.filter((one) => one !== '').join(': ')
    output.line(said === '' ? coloured(output, phase) : `${coloured(output, phase)}  ${said}`)
  }
}

function coloured({ colours }: Output, phase: string): string {
  if (bad.test(phase)) return colours.red(phase)
  return good.test(phase) ? colours.green(phase) : colours.cyan(phase)
}

/** The later lines of a text stand beneath its first. */
function indented(text = ''): string {
  return text.trimEnd().replaceAll('\n', '\n  ')
}
