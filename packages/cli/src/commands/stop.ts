import { Command } from 'commander'
import type { Output } from '../output.js'
import { tellProgress } from '../progress.js'
import { ask, type Target, withTarget } from '../target.js'

/** `endless stop`: a graceful end. */
export function stopCommand(output: Output): Command {
  return withTarget(new Command('stop'))
    .description('stop the service: requests in flight finish first')
    .action(async (target: Target) => {
      await ask(target, 'stop', undefined, tellProgress(output))
      output.line(output.colours.green('stopped'))
    })
}
