import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { hammerCommand } from './commands/hammer.js'
import { reloadCommand } from './commands/reload.js'
import { scaleCommand } from './commands/scale.js'
import { startCommand } from './commands/start.js'
import { statusCommand } from './commands/status.js'
import { stopCommand } from './commands/stop.js'
import { unitCommand } from './commands/unit.js'
import { exitCodesHelp } from './exitcodes.js'
import type { Output } from './output.js'

const examples = `
Examples:
  endless start -w max server.js        serve on all cores; options of Node go before the script
  endless reload && echo deployed       the new release, with no request lost, or the old one as before
  endless status --watch                who serves, who drains, and who holds a drain
  endless scale +2                      two workers more
  endless reload --name shop --json     from another directory, for a script

A service is found by its name: that of the nearest package.json, unless --name says another; or by the
path of its control socket, --control. It answers to its own user alone.`

/** The command line as a whole. */
export function program(output: Output): Command {
  const root = new Command('endless')
    .description('Runs a service on all cores, and deploys it with no client noticing.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this, or the help of a command')
    .helpCommand('help [command]', 'print the help of a command')
    // What follows a command is that command's: of start even that of the script.
    .enablePositionalOptions()
    .showHelpAfterError('(endless --help says more)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.write(text),
      writeErr: (text) => output.writeError(text),
    })
    .addHelpText('after', `${examples}\n${exitCodesHelp}`)
  const commands = [
    startCommand(output),
    reloadCommand(output),
    statusCommand(output),
    scaleCommand(output),
    hammerCommand(output),
    stopCommand(output),
    unitCommand(output),
  ]
  for (const command of commands) root.addCommand(command.copyInheritedSettings(root))
  return root
}

/** Of this package, as it was installed. */
function version(): string {
  const found: unknown = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  )
  const known = typeof found === 'object' && found !== null && 'version' in found
  return known ? String(found.version) : 'unknown'
}
