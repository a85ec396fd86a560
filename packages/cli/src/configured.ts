import { checkUpgraderOptions, hookNames, messageOf } from '@endlessjs/core/fleet'
import { type Command, InvalidArgumentError, type Option } from 'commander'
import type { ConfigFile } from './configfile.js'

/** What a file has beside the values of options. */
export interface Configured {
  readonly script?: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/**
 * Gives a command the options of a file, where its command line has none of that name. What the file says
 * wrong is wrong usage, and ends the command.
 */
export function configure(command: Command, { path, values }: ConfigFile): Configured {
  const options = new Map(command.options.map((one) => [one.attributeName(), one]))
  options.delete('config')
  const known = ['script', 'args', 'env', ...options.keys(), ...hookNames]
  const at = <T>(key: string, look: () => T): T => {
    try {
      return look()
    } catch (error) {
      return command.error(`error: ${path}: ${key}: ${messageOf(error)}`)
    }
  }
  const all = Object.entries(values).filter(([, value]) => value !== undefined)
  for (const [key, value] of all)
    at(key, () => {
      if (!known.includes(key)) refuse(`one of the keys ${known.join(', ')}`, key)
      if (hookNames.some((hook) => hook === key)) return checkUpgraderOptions({ [key]: value })
      const option = options.get(key)
      if (!option) return
      const given = read(option, value)
      if (command.getOptionValueSource(key) === undefined)
        command.setOptionValueWithSource(key, given, 'config')
    })
  const { script, args, env } = values
  return {
    ...(script !== undefined && { script: at('script', () => textIn(script)) }),
    ...(args !== undefined && { args: at('args', () => textsIn(args)) }),
    ...(env !== undefined && { env: at('env', () => environmentIn(env)) }),
  }
}

/** As the option makes it of what is typed: `'512M'` and `536870912` are the same. */
function read(option: Option, value: unknown): unknown {
  if (option.isBoolean() || option.negate)
    return typeof value === 'boolean' ? value : refuse('true or false', value)
  if (Array.isArray(value) && option.attributeName() === 'nodeArgs') return textsIn(value)
  if (typeof value !== 'string' && typeof value !== 'number')
    return refuse('a text or a number', value)
  const text = String(value)
  return option.parseArg ? option.parseArg(text, undefined) : text
}

function textIn(value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : refuse('a text', value)
}

function textsIn(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(wordIn) : refuse('a list of texts', value)
}

function environmentIn(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refuse('an object of texts', value)
  const pairs = Object.entries(value).filter(([, one]) => one !== undefined)
  return Object.fromEntries(pairs.map(([name, one]) => [name, wordIn(one)]))
}

/** A port is a number to whoever writes it. */
function wordIn(value: unknown): string {
  const isWord = ['string', 'number', 'boolean'].includes(typeof value)
  return isWord ? String(value) : refuse('a text', value)
}

function refuse(expected: string, value: unknown): never {
  throw new InvalidArgumentError(`expected ${expected}, got ${JSON.stringify(value)}`)
}
