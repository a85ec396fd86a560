import { existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { basename, delimiter, isAbsolute, join, relative, resolve } from 'node:path'
import { controlPath, EndlessError } from '@endlessjs/core/control'
import { spawnPlan } from '@endlessjs/core/fleet'
import { InvalidArgumentError } from 'commander'
import type { Output } from '../output.js'
import type { StartOptions } from '../startoptions.js'
import { withStartOptions } from '../startoptions.js'
import { controlOf, serviceUnit, socketUnit, type UnitFacts } from '../unittext.js'
import { optionsOf, StartCommand } from './start.js'

const help = `
All other options are those of start, and the service is started with them (endless start --help).

Examples:
  endless unit --user www -w 4 server.js                    prints shop.service, for the shop in this directory
  endless unit --user www --socket 8000 server.js           and shop.socket: a restart refuses nobody
  endless unit --user www --write units server.js           writes both, to be copied to /etc/systemd/system
  systemctl daemon-reload && systemctl enable --now shop    then it runs
  systemctl reload shop && echo deployed                    from then on`

interface UnitOptions {
  readonly user?: string
  readonly socket?: readonly string[]
  readonly write?: string
}

/** Not for `start`, or said anew. */
const notPassedOn = ['--user', '--socket', '--write', '--name', '--control']

/** `endless unit`: what systemd needs to know. */
export function unitCommand(output: Output): StartCommand {
  return withStartOptions(new StartCommand('unit'))
    .description('print the unit that runs a service under systemd')
    .argument('[script]', 'what the workers run; a configuration file may name it')
    .argument('[args...]', 'for the script, untouched')
    .option('--user <user>', 'who runs it (default: you)')
    .option('--socket <port|path>', 'systemd listens there, over restarts; may be repeated', socket)
    .option('--write <dir>', 'write the files there, rather than print them')
    .addHelpText('after', help)
    .action(
      async (script: string | undefined, args: string[], _: object, command: StartCommand) => {
        const options = await optionsOf(command, script, args)
        const given = command.opts<UnitOptions>()
        const facts = factsOf(command, options, given, script !== undefined)
        // sudo hides with which links the directory was entered: the unit would stay with this release.
        if (process.env.PWD === undefined && process.env.SUDO_USER !== undefined)
          output.writeError(
            `endless: under sudo the links of a directory are not known: WorkingDirectory=${facts.cwd}. ` +
              'Call it without sudo, and copy what it prints\n',
          )
        const files = [[`${facts.name}.service`, serviceUnit(facts)]]
        if (facts.sockets.length > 0) files.push([`${facts.name}.socket`, socketUnit(facts)])
        const { write } = given
        if (write === undefined)
          return output.write(
            files.map(([file, text]) => `# /etc/systemd/system/${file}\n${text}`).join('\n'),
          )
        mkdirSync(write, { recursive: true })
        for (const [file = '', text = ''] of files) {
          writeFileSync(join(write, file), text)
          output.line(`${output.colours.green('wrote')}  ${resolve(write, file)}`)
        }
      },
    )
}

function factsOf(
  command: StartCommand,
  options: StartOptions,
  { user = process.env.SUDO_USER ?? userInfo().username, socket: sockets = [] }: UnitOptions,
  isNamed: boolean,
): UnitFacts {
  const { cwd, command: node } = spawnPlan()
  const { script, args } = options
  // One that has every right is a name of a file as well.
  const name = basename(controlPath({ name: options.name, cwd }), '.sock')
  const control = options.control === undefined ? controlOf(name) : resolve(cwd, options.control)
  const lost = sockets.find((one) => one.startsWith(`/run/${name}/`))
  if (lost !== undefined)
    throw new EndlessError(
      'ERR_ENDLESS_OPTION',
      `--socket ${lost}: expected a path outside of /run/${name}, which systemd empties when the service stops`,
    )
  const main = resolve(cwd, options.cwd ?? '.', script)
  return {
    name,
    user,
    cwd,
    control,
    endless: [pathOf(node), installed(linked(process.argv[1] ?? '', cwd))],
    words: [
      ...['--name', name],
      ...without(command.own, notPassedOn),
      ...command.nodeArgs,
      ...(isNamed ? [main, ...args] : []),
    ],
    // As far as they are known here: what the app sets itself, the service asks systemd for.
    hammerTime: options.hammerTime ?? 60_000,
    readyTimeout: options.readyTimeout ?? 60_000,
    probation: options.probation ?? 5_000,
    shutdownDelay: options.shutdownDelay ?? 0,
    sockets,
  }
}

/** With the links of the directory: the release that this was called in may be deleted some deploys later. */
function linked(path: string, cwd: string): string {
  const inside = relative(realpathSync(cwd), path)
  return inside.startsWith('..') || isAbsolute(inside) ? path : join(cwd, inside)
}

function installed(path: string): string {
  if (!path.includes('/_npx/')) return path
  throw new EndlessError(
    'ERR_ENDLESS_UNSUPPORTED',
    `${path} is a copy that npx deletes some day: npm install @endlessjs/cli here, then call npx endless unit`,
  )
}

/** A unit has no PATH of ours. */
function pathOf(node: string): string {
  if (node.includes('/')) return node
  const found = (process.env.PATH ?? '').split(delimiter).map((one) => join(one, node))
  return found.find((one) => isAbsolute(one) && existsSync(one)) ?? process.execPath
}

/** Words of options, each with its value in it or after it. */
function without(words: readonly string[], flags: readonly string[]): string[] {
  const rest: string[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    if (flags.includes(word)) at++
    else if (!flags.some((flag) => word.startsWith(`${flag}=`))) rest.push(word)
  }
  return rest
}

function socket(text: string, before: readonly string[] = []): readonly string[] {
  const isPort = /^(.*:)?\d{1,5}$/.test(text)
  if (isPort || isAbsolute(text)) return [...before, text]
  throw new InvalidArgumentError(
    `expected a port (8000), an address (127.0.0.1:8000) or an absolute path, got ${JSON.stringify(text)}`,
  )
}
