import { readStatus } from '@endlessjs/core/control'
import { Command } from 'commander'
import type { Output } from '../output.js'
import { ask, type Target, withTarget } from '../target.js'
import { watch } from '../watch.js'

interface Options extends Target {
  readonly json?: boolean
  readonly watch?: boolean
}

const help = `
Examples:
  endless status                                  who serves, who drains, and who holds a drain
  endless status --watch                          once a second, until Ctrl-C
  endless status --json | jq '.workers[].rss'     memory in bytes, times in ms`

/** `endless status`: what goes on in a service. */
export function statusCommand(output: Output): Command {
  return withTarget(new Command('status'))
    .description('show the workers, and who holds a drain')
    .option('--json', 'as a line of JSON')
    .option('--watch', 'again each second, until Ctrl-C')
    .addHelpText('after', help)
    .action(async ({ json = false, watch: again = false, ...target }: Options) => {
      output.json = json
      const text = async (): Promise<string> => {
        // A connection each time: over an upgrade, another process may answer at the same path.
        const status = readStatus(await ask(target, 'status'))
        if (json) return JSON.stringify(status)
        // Only here: a supervisor prints no table, and would keep it in memory.
        const { statusText } = await import('../statustext.js')
        return statusText(status, output.colours)
      }
      if (again) return watch(output, text)
      output.line(await text())
    })
}
