import { Command, type ParseOptionsResult } from 'commander'
import { readConfigFile } from '../configfile.js'
import { configure } from '../configured.js'
import type { Output } from '../output.js'
import { splitStartLine } from '../startline.js'
import { type StartOptions, withStartOptions } from '../startoptions.js'
import { supervise } from '../supervisor/supervise.js'

const help = `
Options of Node may stand beside these, before the script. What follows the script is the script's.

Options, script, args and env of the workers may also stand in endless.config.js (.cjs, .mjs, .json) in this
directory: { script: 'server.js', workers: 4, maxMemory: '512M', env: { PORT: 80 } }. The command line wins.
A module may have hooks: beforeBegin, beforeReady, beforeSpawn, onDrain, onRevive, onExit, hooks.

Examples:
  endless start server.js                                   one worker, with a pid that stays
  endless start -w max --max-memory 512M server.js -p 80    -p is the script's
  endless start --import tsx --env-file=.env server.ts      --import and --env-file are Node's`

/** The options that the command line gives, before the script and its arguments are known. */
type Given = Omit<StartOptions, 'script' | 'args' | 'hooks' | 'env'> & { readonly config: string }

/** A command whose line is that of `start`. */
export class StartCommand extends Command {
  #own: readonly string[] = []
  #nodeArgs: readonly string[] = []

  /** Its own options, as they were given. */
  get own(): readonly string[] {
    return this.#own
  }

  /** Node's options that stood before the script. */
  get nodeArgs(): readonly string[] {
    return this.#nodeArgs
  }

  override parseOptions(argv: string[]): ParseOptionsResult {
    const { own, node, rest } = splitStartLine(argv, this.options)
    this.#own = own
    this.#nodeArgs = node
    const { operands, unknown } = super.parseOptions([...own])
    return { operands: [...operands, ...rest], unknown }
  }
}

/** `endless start`: the supervisor. */
export function startCommand(output: Output, begin: typeof start = start): Command {
  return withStartOptions(new StartCommand('start'))
    .description('run a service under a supervisor, whose pid stays')
    .argument('[script]', 'what the workers run; a configuration file may name it')
    .argument('[args...]', 'for the script, untouched')
    .addHelpText('after', help)
    .action(async (script: string | undefined, args: string[], _: object, command: StartCommand) =>
      begin(output, await optionsOf(command, script, args)),
    )
}

/** The command line, and what a configuration file has beside it. */
export async function optionsOf(
  command: StartCommand,
  script: string | undefined,
  args: readonly string[],
): Promise<StartOptions> {
  const file = await readConfigFile(command, command.opts<{ config?: string }>().config)
  const inFile = file ? configure(command, file) : {}
  const { config: _, nodeArgs = [], ...given } = command.opts<Partial<Given>>()
  const main = script ?? inFile.script ?? command.error("error: missing required argument 'script'")
  return {
    ...given,
    ...(inFile.env && { env: inFile.env }),
    ...(file?.isModule && { hooks: file.path }),
    nodeArgs: [...nodeArgs, ...command.nodeArgs],
    script: main,
    args: script === undefined ? (inFile.args ?? []) : args,
  }
}

// On Node 20, Node itself loads what an `--env-file` anywhere on its command line names, after the script
// too: this process has those variables then, and a worker must not get them from it.
async function start(_output: Output, options: StartOptions): Promise<void> {
  // Whoever waits for this pid waits for the service, and for nothing that is left over here.
  process.exit(await supervise(options))
}
