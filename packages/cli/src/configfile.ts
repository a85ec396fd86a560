import { existsSync } from 'node:fs'
import { basename, extname, resolve } from 'node:path'
import { messageOf } from '@endlessjs/core/fleet'
import { type Command, InvalidArgumentError } from 'commander'
import { lilconfig } from 'lilconfig'

const name = 'endless'
const searchPlaces = ['js', 'cjs', 'mjs', 'json'].map((ending) => `${name}.config.${ending}`)

/** What `endless.config.js` says, before it is looked at. */
export interface ConfigFile {
  /** As a worker finds it: relative to the directory of its release, unless it was given otherwise. */
  readonly path: string
  readonly values: Readonly<Record<string, unknown>>
  /** Whether it can have hooks: JSON has none. */
  readonly isModule: boolean
}

/**
 * Reads the file that was named, or the one in this directory, if there is one. Wrong usage ends the command.
 * @param given of `--config`
 */
export async function readConfigFile(
  command: Command,
  given: string | undefined,
): Promise<ConfigFile | undefined> {
  const stopDir = process.cwd()
  const reader = lilconfig(name, { searchPlaces, stopDir, cache: false })
  try {
    const found = given === undefined ? await reader.search() : await reader.load(resolve(given))
    if (!found) return undefined
    const path = given ?? basename(found.filepath)
    return { path, values: recordIn(found.config), isModule: extname(path) !== '.json' }
  } catch (error) {
    const where = given ?? searchPlaces.find((one) => existsSync(one)) ?? name
    return command.error(`error: ${where}: ${messageOf(error)}`)
  }
}

function recordIn(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new InvalidArgumentError('expected an object with options, as its default export')
}
