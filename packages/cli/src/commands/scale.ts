import { readScaled, type ScaleArgs } from '@endlessjs/core/control'
import { Command, InvalidArgumentError } from 'commander'
import type { Output } from '../output.js'
import { tellProgress } from '../progress.js'
import { ask, type Target, withTarget } from '../target.js'

interface Options extends Target {
  readonly json?: boolean
}

const help = `
Examples:
  endless scale 4      four workers, whatever there are now
  endless scale +2     two more
  endless scale -1     one fewer: it drains, no request is lost
  endless scale max    one for each core`

/** `endless scale`: more workers, or fewer. */
export function scaleCommand(output: Output): Command {
  return withTarget(new Command('scale'))
    .description('change how many workers serve')
    .argument('<n|+n|-n|max>', 'how many, or how many more or fewer', parseScale)
    .option('--json', 'a line of JSON for each event, then one for the result or the error')
    .addHelpText('after', help)
    .action(async (args: ScaleArgs, { json = false, ...target }: Options) => {
      output.json = json
      const result = readScaled(await ask(target, 'scale', args, tellProgress(output)))
      if (json) return output.data({ result })
      const { workers } = result
      output.line(`${output.colours.green('scaled')}  ${workers} worker${workers === 1 ? '' : 's'}`)
    })
}

function parseScale(text: string): ScaleArgs {
  if (text === 'max') return { to: text }
  const [, sign, digits] = text.match(/^([+-]?)(\d{1,6})$/) ?? []
  const count = Number(digits)
  if (digits === undefined || (sign === '' && count < 1))
    throw new InvalidArgumentError(`expected a number of workers (4, +1, -1) or max, got ${text}`)
  return sign === '' ? { to: count } : { by: sign === '-' ? -count : count }
}
