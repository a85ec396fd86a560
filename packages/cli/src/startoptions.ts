import { type Command, InvalidArgumentError, Option } from 'commander'
import { isReadyFd } from './supervisor/readyfd.js'
import { withTarget } from './target.js'
import { parseSize, parseTime } from './units.js'

/** What `endless start` was told; what it was not told is left out. Times in ms, sizes in bytes. */
export interface StartOptions {
  readonly workers?: number | 'max'
  readonly name?: string
  readonly control?: string
  readonly hammerTime?: number
  readonly readyTimeout?: number
  readonly probation?: number
  readonly shutdownDelay?: number
  readonly loadBalancerIdleTimeout?: number
  readonly surge?: number
  readonly maxMemory?: number
  readonly maxAge?: number
  readonly maxRequests?: number
  readonly maxRestarts?: number
  readonly hangTimeout?: number
  readonly onCrash?: 'exit' | 'handover'
  readonly prefix?: boolean
  /** Node's own: from `--node-args`, then those before the script. */
  readonly nodeArgs: readonly string[]
  readonly interpreter?: string
  readonly cwd?: string
  readonly rebalance?: boolean
  /** Ready is a worker that says `process.send('ready')`. */
  readonly waitReady?: boolean
  /** Told by a newline that all serve. */
  readonly readyFd?: number
  /** Of the workers, beside what this process has. */
  readonly env?: Readonly<Record<string, string>>
  /** A module with hooks for the workers, as it was given. */
  readonly hooks?: string
  readonly script: string
  readonly args: readonly string[]
}

/** Adds the options of `start`. */
export function withStartOptions<T extends Command>(command: T): T {
  command.option(
    '-w, --workers <n|max>',
    'how many serve, or one for each core; also -i, --instances',
    workers,
  )
  withTarget(command)
    .option('--hammer-time <ms>', 'how long a drain may take', time)
    .option('--ready-timeout <ms>', 'how long a new worker may take until it serves', time)
    .option('--probation <ms>', 'how long the old release stands by', time)
    .option('--shutdown-delay <ms>', 'how long health says 503 before a stop', time)
    .option(
      '--load-balancer-idle-timeout <ms>',
      'how long the proxy in front keeps an idle connection: ours stay for longer',
      time,
    )
    .option('--surge <n>', 'how many workers a reload starts at a time', count)
    .option(
      '--max-memory <size>',
      'replace a worker above it (512M); also --max-memory-restart',
      size,
    )
    .option('--max-age <time>', 'replace a worker that is older (12h)', time)
    .option('--max-requests <n>', 'replace a worker that has answered more', count)
    .option('--max-restarts <n>', 'give up after so many crashes in a row', count)
    .option('--hang-timeout <time>', 'replace a worker whose event loop stands still (30s)', time)
    .addOption(
      new Option('--on-crash <action>', 'of an uncaught exception').choices(['exit', 'handover']),
    )
    .option('--prefix', 'begin each line of output with its worker')
    .option('--no-prefix', 'leave output as it is')
    .option('--node-args <args>', 'options of Node, with spaces between them', words)
    .option('--interpreter <path>', 'the Node that runs the script')
    .option('--cwd <dir>', 'where the script runs')
    .option('--wait-ready', "a worker is ready when it says so: process.send('ready')")
    .option('--ready-fd <n>', 'where a newline is written once all serve', openFd)
    .option('--config <path>', 'read options from it (default: endless.config.{js,cjs,mjs,json})')
    .option('--rebalance', 'even out the connections of the workers')
    .option('--no-rebalance', 'leave them where the kernel put them')
  return command
}

function workers(text: string): number | 'max' {
  return text === 'max' ? text : count(text, undefined, 'a number of workers, or max')
}

function count(
  text: string,
  _previous?: unknown,
  expected = 'a whole number of 1 or more',
): number {
  return /^\d{1,15}$/.test(text) && Number(text) > 0 ? Number(text) : refuse(expected, text)
}

function openFd(text: string): number {
  const fd = count(text)
  return isReadyFd(fd) ? fd : refuse('the number of an open file descriptor, 3 or more', text)
}

function time(text: string): number {
  return parseTime(text) ?? refuse('a time (500, 30s, 12h)', text)
}

function size(text: string): number {
  return parseSize(text) ?? refuse('a size (512M, 1.5G)', text)
}

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '')
}

function refuse(expected: string, text: string): never {
  throw new InvalidArgumentError(`expected ${expected}, got ${JSON.stringify(text)}`)
}
