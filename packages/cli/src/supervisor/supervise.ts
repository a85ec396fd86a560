import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { basename, resolve } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { inspect } from 'node:util'
import { ControlServer, controlPath } from '@endlessjs/core/control'
import {
  EndlessError,
  nameOfBound,
  PidFile,
  spawnPlan,
  takeActivated,
  withoutNotify,
} from '@endlessjs/core/fleet'
import type { StartOptions } from '../startoptions.js'
import { commandsOf } from './commands.js'
import { Fleet } from './fleet.js'
import { Mouth } from './mouth.js'
import { ReadyFd } from './readyfd.js'
import { Rebalance } from './rebalance.js'
import type { Recipe } from './release.js'
import { FleetSignals } from './signals.js'
import { Systemd } from './systemd.js'
import { Voice } from './voice.js'
import { Watch } from './watch.js'

/** How long a worker has until it serves, in ms. */
const readyTimeout = 60_000
/** How often in a row a worker may die right after its start. */
const maxRestarts = 15

/** Runs a service until it ends. @returns its exit code */
export async function supervise(options: StartOptions): Promise<number> {
  const { workers = 1, prefix = process.stdout.isTTY === true && workers !== 1 } = options
  const count = workers === 'max' ? availableParallelism() : workers
  const voice = new Voice()
  // Before anything is spawned.
  const readyFd = options.readyFd === undefined ? undefined : new ReadyFd(options.readyFd, voice)
  const recipe = recipeOf(options)
  const fleet = new Fleet(
    recipe,
    {
      workers: count,
      surge: options.surge ?? Number.MAX_SAFE_INTEGER,
      readyTimeout: options.readyTimeout ?? readyTimeout,
      maxRestarts: options.maxRestarts ?? maxRestarts,
    },
    new Mouth(prefix),
    voice,
  )
  for (const one of takeActivated())
    if (one.handle) {
      const { alias, bound, handle } = one
      fleet.holder.hold({ name: nameOfBound(bound), bound, activated: true, alias }, handle)
    }
  const path = controlPath({ name: options.name, control: options.control, cwd: recipe.cwd })
  const name = options.name ?? basename(path, '.sock')
  // First: who answers there already is this service.
  const control = await new ControlServer(commandsOf(name, fleet)).listen(path)
  const signals = new FleetSignals(fleet, voice)
  const systemd = Systemd.find(fleet, options.hangTimeout, voice)
  const hangTimeout = options.hangTimeout ?? systemd?.watchdog
  const watch = new Watch(fleet, { ...options, hangTimeout }, voice)
  const rebalance = options.rebalance !== false ? new Rebalance(fleet, voice) : undefined
  // A supervisor whose first worker is still being started has nothing else to stay for.
  const alive = setInterval(() => {}, 2 ** 30)
  // Its end would be that of the service, and nothing in it is worth that.
  const survive = (error: unknown): void =>
    voice.complain(`A bug of endless, please report it: ${inspect(error)}`)
  process.on('uncaughtException', survive)
  const end = async (): Promise<void> => {
    process.off('uncaughtException', survive)
    watch.stop()
    rebalance?.stop()
    await control.close()
    await systemd?.stop()
    signals.uninstall()
    clearInterval(alive)
  }
  try {
    voice.say(`${name}: starting ${count} of ${fleet.release.name}, control socket ${path}.`)
    await fleet.start()
    systemd?.ready()
    readyFd?.ready()
    writePidFile(fleet, voice)
    voice.say(`${name} serves: ${fleet.slots.length} workers, supervisor pid ${process.pid}.`)
  } catch (error) {
    voice.complain(`${name} could not start`, error)
    systemd?.failed(error)
  }
  const code = await fleet.ended
  // Whoever asked for the end hears of it first.
  await turn()
  await end()
  voice.say(`${name} has ended with code ${code}.`)
  return code
}

/** How workers are started: as `node server.js` would be, here and now. */
function recipeOf(options: StartOptions): Recipe {
  const { command, cwd, env: inherited } = spawnPlan()
  const { interpreter } = options
  const env = { ...withoutNotify(inherited), ...options.env }
  const settings = {
    hammerTime: options.hammerTime,
    readyTimeout: options.readyTimeout,
    probation: options.probation,
    shutdownDelay: options.shutdownDelay,
    loadBalancerIdleTimeout: options.loadBalancerIdleTimeout,
    onCrash: options.onCrash,
  }
  // Left relative where the workers are here: each release has its own file then.
  const hooksFor = (path: string): string => (options.cwd === undefined ? path : resolve(cwd, path))
  const auto = createRequire(import.meta.url).resolve('@endlessjs/core/auto')
  return {
    command: interpreter?.includes('/') ? resolve(cwd, interpreter) : (interpreter ?? command),
    preload: auto,
    nodeArgs: options.nodeArgs,
    script: options.script,
    args: options.args,
    // From the directory with its links: the one that was entered may be another by then.
    cwd: resolve(cwd, options.cwd ?? '.'),
    env: {
      ...env,
      ENDLESS_OPTIONS: JSON.stringify({ ...optionsIn(env), ...settings }),
      ...(options.hooks !== undefined && { ENDLESS_CONFIG: hooksFor(options.hooks) }),
      ...(options.waitReady && { ENDLESS_READY: 'message' }),
    },
  }
}

/** Those for which there is no flag; the preload says what is wrong with them. */
function optionsIn({ ENDLESS_OPTIONS: text }: NodeJS.ProcessEnv): object {
  try {
    return Object(JSON.parse(text ?? '{}'))
  } catch (cause) {
    throw new EndlessError('ERR_ENDLESS_OPTION', 'ENDLESS_OPTIONS: expected JSON', { cause })
  }
}

/** The app names a file for the pid that stays: ours. */
function writePidFile(fleet: Fleet, voice: Voice): void {
  const path = fleet.slots[0]?.current?.terms?.pidFile
  if (path === undefined) return
  try {
    const file = new PidFile(path)
    file.claim([], (message) => voice.say(message))
    file.write()
    file.removeAtExit((error) => voice.complain('The pid file is still there', error))
  } catch (error) {
    voice.complain('The pid file is not up to date', error)
  }
}
