/**
 * The `endless` command. It asks a running service over its control socket, and knows nothing of how that
 * does it.
 * @packageDocumentation
 */
import { CommanderError } from 'commander'
import { exitCodeOf, wrongUsage } from './exitcodes.js'
import { Output } from './output.js'
import { program } from './program.js'

/**
 * Runs one command line.
 * @param argv what comes after `endless`
 * @returns the exit code; it never rejects
 */
export async function run(argv: readonly string[]): Promise<number> {
  const output = new Output(process.stdout, process.stderr)
  try {
    await program(output).parseAsync(argv, { from: 'user' })
    return 0
  } catch (error) {
    // It has said everything by then.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : wrongUsage
    output.fail(error)
    return exitCodeOf(error)
  }
}
