import { readHammered } from '@endlessjs/core/control'
import { Command } from 'commander'
import type { Output } from '../output.js'
import { tellProgress } from '../progress.js'
import { ask, type Target, withTarget } from '../target.js'

interface Options extends Target {
  readonly json?: boolean
}

/** `endless hammer`: the end of every drain. */
export function hammerCommand(output: Output): Command {
  return withTarget(new Command('hammer'))
    .description('end what still drains, requests in flight and all')
    .option('--json', 'a line of JSON for each event, then one for the result or the error')
    .action(async ({ json = false, ...target }: Options) => {
      output.json = json
      const result = readHammered(await ask(target, 'hammer', undefined, tellProgress(output)))
      if (json) return output.data({ result })
      const { pids } = result
      const fell =
        pids.length > 0
          ? `it fell on ${pids.map((pid) => `pid ${pid}`).join(', ')}`
          : 'nothing drains'
      output.line(`${output.colours.green('hammered')}  ${fell}`)
    })
}
