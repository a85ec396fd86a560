import { Command } from 'commander'
import type { Output } from '../output.js'
import { tellProgress } from '../progress.js'
import { ask, type Target, withTarget } from '../target.js'

interface Options extends Target {
  readonly json?: boolean
}

/** `endless stop`: a graceful end. */
export function stopCommand(output: Output): Command {
  return withTarget(new Command('stop'))
    .description('stop the service: requests in flight finish first')
    .option('--json', 'a line of JSON for each event, then one for the result or the error')
    .action(async ({ json = false, ...target }: Options) => {
      output.json = json
      const result = await ask(target, 'stop', undefined, tellProgress(output))
      if (json) return output.data({ result })
      output.line(output.colours.green('stopped'))
    })
}
