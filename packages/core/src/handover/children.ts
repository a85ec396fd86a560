import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { atStart } from './start.js'

const options = /^(--import|--require|-r)$/
const name = '@endlessjs/core/auto'

/**
 * Leaves the preload to this process and its successors: `fork()`, a cluster and whoever starts a child as
 * this process was started take Node's options from `process.execArgv`, and such a child is no service.
 * @param files what the preload is, as Node names it
 */
export function hideFromForks(files: readonly string[]): void {
  const { execArgv } = process
  // The plan of a successor is made of those of the start.
  execArgv.splice(0, execArgv.length, ...without(atStart.execArgv, files))
}

/** The same for what a child inherits by `NODE_OPTIONS`. */
export function hideFromChildren(files: readonly string[]): void {
  const { NODE_OPTIONS: given } = process.env
  if (given === undefined) return
  const left = without(given.split(' '), files).join(' ')
  if (left === '') delete process.env.NODE_OPTIONS
  else process.env.NODE_OPTIONS = left
}

/** Node's options without those that load one of the files. */
export function without(words: readonly string[], files: readonly string[]): string[] {
  const left: string[] = []
  for (let n = 0; n < words.length; n++) {
    const word = words[n] ?? ''
    const at = word.indexOf('=')
    const [option, value] = at < 0 ? [word, words[n + 1]] : [word.slice(0, at), word.slice(at + 1)]
    if (!options.test(option) || !isOneOf(value, files)) left.push(word)
    // Its value comes as a word of its own.
    else if (at < 0) n++
  }
  return left
}

function isOneOf(value: string | undefined, files: readonly string[]): boolean {
  if (value === undefined || value === name) return value === name
  try {
    const path = value.startsWith('file:') ? fileURLToPath(value) : resolve(value)
    return files.includes(realpathSync(path))
  } catch {
    // A package, or an URL of another kind.
    return false
  }
}
