import type { Option } from 'commander'
import { takesValue } from './nodeoptions.js'

/** A command line of `start`, told apart. */
export interface StartLine {
  /** Ours, with their values. */
  readonly own: readonly string[]
  /** Node's, with theirs. */
  readonly node: readonly string[]
  /** The script, and what is the script's alone. */
  readonly rest: readonly string[]
}

/** What people are used to from pm2. */
const aliases: Readonly<Record<string, string>> = {
  '-i': '--workers',
  '--instances': '--workers',
  '--max-memory-restart': '--max-memory',
}

/**
 * The options of `start` and those of Node come before the script, in any order; what follows the script is
 * not looked at. Commander could do the first or the second, not both.
 * @param known the options of `start`
 */
export function splitStartLine(argv: readonly string[], known: readonly Option[]): StartLine {
  const own: string[] = []
  const node: string[] = []
  const words = [...argv]
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '--') break
    if (!word.startsWith('-') || word === '-') {
      words.unshift(word)
      break
    }
    const [flag, value] = splitOption(word)
    const option = known.find(({ short, long }) => flag === short || flag === long)
    const isOurs =
      option !== undefined || flag === '-h' || flag === '--help' || isMistyped(flag, known)
    const list = isOurs ? own : node
    list.push(value === undefined ? flag : joined(flag, value))
    const wantsNext = option ? option.required : !isOurs && takesValue(flag)
    const next = wantsNext && value === undefined ? words.shift() : undefined
    if (next !== undefined) list.push(next)
  }
  return { own, node, rest: words }
}

/** One of ours, nearly, and none of Node's: commander then says which one was meant, rather than take its value for the script. */
function isMistyped(flag: string, known: readonly Option[]): boolean {
  if (takesValue(flag) || process.allowedNodeEnvironmentFlags.has(flag)) return false
  return known.some(({ long }) => flag.startsWith('--') && long && distance(flag, long) <= 2)
}

/** How many letters have to change, come or go (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (const [at, letter] of [...from].entries()) {
    const next = [at + 1]
    for (const [column, other] of [...to].entries()) {
      const kept = (row[column] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(kept, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}

/** `--name=value` and `-w4` have their value with them. Of two letters only one is of ours: Node has `-pe`. */
function splitOption(word: string): readonly [flag: string, value: string | undefined] {
  const at = word.indexOf('=')
  const [flag, value] = at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)]
  const attached = word.match(/^(-[wi])(.+)$/)
  const [, short = flag, rest = value] = attached ?? []
  return [aliases[short] ?? short, rest]
}

function joined(flag: string, value: string): string {
  return flag.startsWith('--') ? `${flag}=${value}` : `${flag}${value}`
}
