import { ControlClient, controlPath, isMoved, type ProgressListener } from '@endlessjs/core/control'
import { type Command, InvalidArgumentError } from 'commander'

/** Which service is meant. */
export interface Target {
  readonly name?: string
  readonly control?: string
}

/** Adds the options that say which service is meant. */
export function withTarget<T extends Command>(command: T): T {
  command
    .option('--name <name>', 'of the service (default: of the nearest package.json)', nonEmpty)
    .option('--control <path>', 'of its control socket (default: by its name)', nonEmpty)
  return command
}

/**
 * Asks that service, for as long as it takes. Without a supervisor a process may hand over just then: it says
 * so, and whoever answers at the same path by then is asked.
 */
export async function ask(
  { name, control }: Target,
  command: string,
  args?: unknown,
  onEvent?: ProgressListener,
): Promise<unknown> {
  for (;;) {
    const client = await ControlClient.connect(controlPath({ name, control }))
    try {
      const result = await client.request(command, args, onEvent)
      if (!isMoved(result)) return result
    } finally {
      client.close()
    }
  }
}

function nonEmpty(value: string): string {
  if (value === '') throw new InvalidArgumentError('expected a text, got an empty one')
  return value
}
