import { ControlClient, controlPath } from '@endlessjs/core/control'
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

/** Asks that service, for as long as it takes. */
export async function asking<T>(
  { name, control }: Target,
  ask: (client: ControlClient) => Promise<T>,
): Promise<T> {
  const client = await ControlClient.connect(controlPath({ name, control }))
  try {
    return await ask(client)
  } finally {
    client.close()
  }
}

function nonEmpty(value: string): string {
  if (value === '') throw new InvalidArgumentError('expected a text, got an empty one')
  return value
}
