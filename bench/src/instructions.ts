import { execFile } from 'node:child_process'
import { devNull } from 'node:os'
import { promisify } from 'node:util'
import { service } from './child.js'
import type { Framework } from './server.js'

const run = promisify(execFile)
/** Of one run, in ms. */
const patience = 600_000

/** How many requests; what the first ones take is left out: code is compiled, caches fill. */
export interface InstructionsPlan {
  readonly from: number
  readonly to: number
}

/** Instructions for one request on a kept connection, of the server and of the client that is in it. */
export interface Instructions {
  readonly title: string
  readonly bare: number
  readonly ours: number
  /** Bare once more: where it differs from the first, it is noise. */
  readonly again: number
}

/** What is measured: the CPU of a request over real sockets, whatever else the machine is doing. */
export interface InstructionsCase {
  readonly title: string
  readonly framework: Framework
}

export const instructionsCases: readonly InstructionsCase[] = [
  { title: 'node:http', framework: 'http' },
  { title: 'Express 5', framework: 'express' },
]

/** Why nothing of this can be had on this machine, if so. */
export async function valgrindIsMissing(): Promise<string | undefined> {
  const found = await run('valgrind', ['--version']).catch(() => undefined)
  return found ? undefined : 'valgrind is not in PATH: Debian has it in a package of that name'
}

/** Counts them: they are nearly the same in each run, where times are not. */
export async function instructionsOf(
  { title, framework }: InstructionsCase,
  { from, to }: InstructionsPlan,
  signal: AbortSignal,
): Promise<Instructions> {
  const perRequest = async (side: 'bare' | 'ours'): Promise<number> => {
    const [less, more] = [
      await count(framework, side, from, signal),
      await count(framework, side, to, signal),
    ]
    return (more - less) / (to - from)
  }
  return {
    title,
    bare: await perRequest('bare'),
    ours: await perRequest('ours'),
    again: await perRequest('bare'),
  }
}

async function count(
  framework: Framework,
  side: string,
  requests: number,
  signal: AbortSignal,
): Promise<number> {
  // One thread, and nothing by chance.
  const node = [process.execPath, '--single-threaded', '--predictable']
  const script = [service('instructions.js'), framework, side, String(requests)]
  const callgrind = [
    '--tool=callgrind',
    `--callgrind-out-file=${devNull}`,
    // V8 writes the code that it runs.
    '--smc-check=all-non-file',
  ]
  const { stderr } = await run('valgrind', [...callgrind, ...node, ...script], {
    timeout: patience,
    signal,
  })
  const [, collected] = /Collected : (\d+)/.exec(stderr) ?? []
  if (collected === undefined) throw new Error(`valgrind did not say how many:\n${stderr}`)
  return Number(collected)
}
