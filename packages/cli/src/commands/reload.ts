import type { ReloadArgs } from '@endlessjs/core/control'
import { Command } from 'commander'
import { exitCodesHelp } from '../exitcodes.js'
import type { Output } from '../output.js'
import { tellProgress } from '../progress.js'
import { ask, type Target, withTarget } from '../target.js'

interface Options extends Target {
  readonly wait?: boolean
  readonly json?: boolean
}

const help = `
Examples:
  endless reload                   what it does, line by line, until the new release has proven itself
  endless reload --wait            after the upgrade that is under way, rather than fail
  endless reload --json | jq .     {"event":...} for each step, then {"result":...} or {"error":...}
${exitCodesHelp}`

/** `endless reload`: the next release, or the old one as before. */
export function reloadCommand(output: Output): Command {
  return withTarget(new Command('reload'))
    .description('bring the code on disk into service; waits until it has passed its probation')
    .option('--wait', 'where another upgrade is under way, wait for its end first')
    .option('--json', 'a line of JSON for each event, then one for the result or the error')
    .addHelpText('after', help)
    .action(async ({ wait = false, json = false, ...target }: Options) => {
      output.json = json
      const args: ReloadArgs = { wait }
      const result = await ask(target, 'reload', args, tellProgress(output))
      if (json) return output.data({ result })
      output.line(`${output.colours.green('reloaded')}  the new release serves`)
    })
}
