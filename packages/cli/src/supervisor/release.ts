import { existsSync, lstatSync, realpathSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, delimiter, dirname, isAbsolute, join, resolve } from 'node:path'
import { EndlessError, type SpawnPlan } from '@endlessjs/core/fleet'

/** What is run, as it was asked for: links are followed anew at each reload. */
export interface Recipe {
  readonly command: string
  /** Makes an app upgradable; where the release has this package itself, its own is taken. */
  readonly preload: string
  readonly nodeArgs: readonly string[]
  /** As it was given: relative to the directory, or absolute. */
  readonly script: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
}

/** What is run, all links followed: a crash brings back this, whatever `current` leads to by then. */
export interface Release {
  /** Where it is: the directory that a deploy made. */
  readonly name: string
  /** @param slot which of the workers it is for */
  plan(slot: number): SpawnPlan
}

/** Follows every link of a recipe, once for all workers; throws `ERR_ENDLESS_SPAWN`. */
export function findRelease(recipe: Recipe): Release {
  const { command, nodeArgs, script, args, cwd, env } = recipe
  const directory = follow(cwd, 'the working directory')
  const found = resolve(directory, script)
  const main = followScript(found)
  // As it was given, where no link leads elsewhere later on.
  const path = main === found ? script : main
  const node = followCommand(command, env.PATH ?? '')
  // Before those of the user: what they load may listen.
  const options = ['--require', preloadIn(dirname(main)) ?? recipe.preload, ...nodeArgs]
  return {
    name: path === script && !isAbsolute(script) ? directory : directoryOf(main),
    plan: (slot) => ({
      command: node,
      args: [...options, path, ...args],
      cwd: directory,
      env: { ...env, PWD: directory, NODE_APP_INSTANCE: String(slot) },
    }),
  }
}

function follow(path: string, what: string): string {
  try {
    return realpathSync(path)
  } catch (cause) {
    throw new EndlessError(
      'ERR_ENDLESS_SPAWN',
      `${what} ${path} leads nowhere: expected it to exist; put the release there, or name another`,
      { cause },
    )
  }
}

/** What Node finds by itself (`server` for server.js) is Node's to find, and to miss: its directory is not. */
function followScript(path: string): string {
  if (lstatSync(path, { throwIfNoEntry: false })) return follow(path, 'the script')
  return join(follow(dirname(path), 'the directory of the script'), basename(path))
}

/** A script may be a directory, with an index.js in it. */
function directoryOf(main: string): string {
  return statSync(main, { throwIfNoEntry: false })?.isDirectory() ? main : dirname(main)
}

/** Where it is no path, and not in PATH, the spawn says so. */
function followCommand(command: string, path: string): string {
  if (command.includes('/')) return follow(command, 'the interpreter')
  const found = path.split(delimiter).map((directory) => join(directory, command))
  const first = found.find((one) => existsSync(one))
  return first === undefined ? command : realpathSync(first)
}

/**
 * The release that this command was started from may be deleted some deploys later, and the preload with it:
 * so each release has its own, where it has one.
 */
function preloadIn(directory: string): string | undefined {
  const fromRelease = createRequire(join(directory, 'package.json'))
  try {
    const ofCommand = createRequire(fromRelease.resolve('@endlessjs/cli/package.json'))
    return ofCommand.resolve('@endlessjs/core/auto')
  } catch {
    // This command is installed elsewhere, and lives there.
    return undefined
  }
}
