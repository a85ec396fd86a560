import { availableParallelism } from 'node:os'
import {
  type ControlHandler,
  EndlessError,
  type ProgressEvent,
  type ReloadArgs,
  type ScaleArgs,
  unknownCommand,
} from '@endlessjs/core/control'
import type { Fleet } from './fleet.js'
import { statusOf } from './status.js'

type Progress = (event: ProgressEvent) => void

/** What can be asked over the control socket. */
export function commandsOf(name: string, fleet: Fleet): ControlHandler {
  const commands: Readonly<
    Record<string, (args: unknown, progress: Progress) => Promise<unknown>>
  > = {
    reload: async (args, progress) => {
      const { wait = false } = Object(args) as Partial<ReloadArgs>
      // Whoever has waited as well may be the next one.
      while (wait && fleet.state === 'reloading') await fleet.settled()
      await fleet.reload(progress)
      return { release: fleet.release.name }
    },
    status: async () => statusOf(name, fleet),
    scale: async (args) => ({ workers: await fleet.scale(countOf(args, fleet.slots.length)) }),
    hammer: async () => ({ pids: fleet.hammer() }),
    stop: async (_, progress) => {
      const pids = fleet.living.map(({ pid }) => pid)
      progress({ phase: 'stopping', text: pids.join(', ') })
      fleet.stop()
      await fleet.ended
      return { pids }
    },
  }
  return async (command, args, progress) => {
    const run = Object.hasOwn(commands, command) ? commands[command] : undefined
    if (!run) throw unknownCommand(command, Object.keys(commands))
    return run(args, progress)
  }
}

function countOf(args: unknown, now: number): number {
  const { to, by } = Object(args) as Partial<ScaleArgs & { to: number | 'max'; by: number }>
  const count = to === 'max' ? availableParallelism() : (to ?? now + (by ?? 0))
  if (Number.isInteger(count) && count > 0) return count
  throw new EndlessError(
    'ERR_ENDLESS_OPTION',
    `expected 1 worker or more, got ${count} (there are ${now}): endless stop ends the service`,
  )
}
