import { readHammered } from '@endlessjs/core/control'
import { Command } from 'commander'
import type { Output } from '../output.js'
import { tellProgress } from '../progress.js'
import { ask, type Target, withTarget } from '../target.js'

/** `endless hammer`: the end of every drain. */
export function hammerCommand(output: Output): Command {
  return withTarget(new Command('hammer'))
    .description('end what still drains, requests in flight and all')
    .action(async (target: Target) => {
      const { pids } = readHammered(await ask(target, 'hammer', undefined, tellProgress(output)))
      const fell =
        pids.length > 0
          ? `it fell on ${pids.map((pid) => `pid ${pid}`).join(', ')}`
          : 'nothing drains'
      output.line(`${output.colours.green('hammered')}  ${fell}`)
    })
}
