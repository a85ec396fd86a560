import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fixture, Service } from './service.js'

/** The root of the repository: where the commands of the examples' READMEs are typed. */
export const root: string = resolve(import.meta.dirname, '../..')

/** What a user types to start an example. */
export interface Command {
  /** As it stands in the README. */
  readonly text: string
  readonly cwd: string
  readonly script: string
  readonly env: Readonly<Record<string, string>>
}

/** The commands that the README of an example gives to start it: all that runs a script of its own. */
export function commandsOf(name: string): Command[] {
  const readme = readFileSync(join(root, 'examples', name, 'README.md'), 'utf8')
  const blocks = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1] ?? '')
  if (blocks.length > 0) return blocks.map(parse)
  // The one of Express shows a session: its commands stand behind prompts.
  const session = /^```console\n(.*?)^```$/ms.exec(readme)?.[1] ?? ''
  return [parse([...session.matchAll(/^\$ (.*)$/gm)].map((match) => match[1]).join(' && '))]
}

function parse(block: string): Command {
  const text = block.trim()
  const words = /^(?:cd (?<cd>\S+) && )?(?<env>(?:\w+=\S+ )*)node (?<script>\S+)$/.exec(
    text,
  )?.groups
  if (!words?.script) throw new Error(`not a command that starts an example: ${text}`)
  const pairs = (words.env ?? '').split(' ').filter(Boolean)
  return {
    text,
    cwd: join(root, words.cd ?? '.'),
    script: words.script,
    env: Object.fromEntries(pairs.map((pair) => pair.split('=', 2) as [string, string])),
  }
}

/**
 * Starts an example as its README says, on free ports, and waits until it is ready. What it does is
 * reported by a module that Node loads before it: the example itself is not changed.
 */
export function startExample(
  command: Command,
  env: Record<string, string> = {},
  more: readonly string[] = [],
): Promise<Service> {
  const preload = ['report.js', 'impatient.js', ...more].map(
    (name) => `--import=${pathToFileURL(fixture(name))}`,
  )
  const ports = { PORT: '0', ADMIN_PORT: '0' }
  return Service.start({
    script: command.script,
    cwd: command.cwd,
    env: { ...command.env, ...ports, ...env, NODE_OPTIONS: preload.join(' ') },
  })
}
