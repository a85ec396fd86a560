import { Command, type ParseOptionsResult } from 'commander'
import type { Output } from '../output.js'
import { splitStartLine } from '../startline.js'
import { type StartOptions, withStartOptions } from '../startoptions.js'
import { supervise } from '../supervisor/supervise.js'

const help = `
Options of Node may stand beside these, before the script. What follows the script is the script's.

Examples:
  endless start server.js                                   one worker, with a pid that stays
  endless start -w max --max-memory 512M server.js -p 80    -p is the script's
  endless start --import tsx --env-file=.env server.ts      --import and --env-file are Node's`

/** The options that the command line gives, before the script and its arguments are known. */
type Given = Omit<StartOptions, 'script' | 'args'>

class StartCommand extends Command {
  #nodeArgs: readonly string[] = []

  /** Node's options that stood before the script. */
  get nodeArgs(): readonly string[] {
    return this.#nodeArgs
  }

  override parseOptions(argv: string[]): ParseOptionsResult {
    const { own, node, rest } = splitStartLine(argv, this.options)
    this.#nodeArgs = node
    const { operands, unknown } = super.parseOptions([...own])
    return { operands: [...operands, ...rest], unknown }
  }
}

/** `endless start`: the supervisor. */
export function startCommand(output: Output, begin: typeof start = start): Command {
  return withStartOptions(new StartCommand('start'))
    .description('run a service under a supervisor, whose pid stays')
    .argument('<script>', 'what the workers run')
    .argument('[args...]', 'for the script, untouched')
    .addHelpText('after', help)
    .action(async (script: string, args: string[], given: Partial<Given>, command: StartCommand) =>
      begin(output, {
        ...given,
        nodeArgs: [...(given.nodeArgs ?? []), ...command.nodeArgs],
        script,
        args,
      }),
    )
}

// On Node 20, Node itself loads what an `--env-file` anywhere on its command line names, after the script
// too: this process has those variables then, and a worker must not get them from it.
async function start(_output: Output, options: StartOptions): Promise<void> {
  process.exitCode = await supervise(options)
}
