import { inspect, isDeepStrictEqual } from 'node:util'
import { EndlessError } from '../errors.js'
import { type Logger, silentLogger, stderrLogger } from './logger.js'
import { defaults, endlessSignals, type ProcessSettings, type UpgraderOptions } from './options.js'

const names = [
  'hammerTime',
  'readyTimeout',
  'probation',
  'maxDraining',
  'shutdownDelay',
  'idleGrace',
  'streamGrace',
  'stallTimeout',
  'loadBalancerIdleTimeout',
  'pidFile',
  'controlSocket',
  'signals',
  'sharedSignals',
  'logger',
  'migrate',
  'carryLimit',
  'slowStart',
  'http2Notice',
  'ignoreLauncher',
  'onCrash',
  'autoReady',
] as const satisfies readonly (keyof ProcessSettings)[]

/**
 * What holds for the whole process. Several apps may each bring options; one upgrade cannot have
 * two values of one setting, so a second, different value throws.
 */
export class Settings {
  readonly #given: Partial<ProcessSettings>
  readonly #set: Partial<ProcessSettings> = {}
  #logger: Logger

  /** @param given defaults instead of ours: in conflict with nothing */
  constructor(given: UpgraderOptions = {}) {
    this.#given = settingsIn(given)
    this.#logger = given.logger === false ? silentLogger : (given.logger ?? stderrLogger())
  }

  /** Takes over what is set in `options`; takes nothing when one of them is in conflict. */
  merge(options: UpgraderOptions): void {
    for (const name of names) {
      const [had, got] = [this.#set[name], options[name]]
      if (had === undefined || got === undefined || same(name, had, got)) continue
      throw new EndlessError(
        'ERR_ENDLESS_OPTION_CONFLICT',
        `option "${name}" was already set to ${show(had)} in this process, received ` +
          `${show(got)}: there is one upgrader per process, set "${name}" once`,
      )
    }
    Object.assign(this.#set, settingsIn(options))
    if (options.logger !== undefined) this.#logger = options.logger || silentLogger
  }

  get values(): Readonly<Omit<ProcessSettings, 'logger'>> {
    return { signals: endlessSignals, ...defaults, ...this.#given, ...this.#set }
  }

  get logger(): Logger {
    return this.#logger
  }
}

/** Those that are set. */
function settingsIn(options: UpgraderOptions): Partial<ProcessSettings> {
  const given = names.filter((name) => options[name] !== undefined)
  return Object.fromEntries(given.map((name) => [name, options[name]]))
}

/** Two loggers of one class look alike and are two. */
function same(name: keyof ProcessSettings, had: unknown, got: unknown): boolean {
  return name === 'logger' ? had === got : isDeepStrictEqual(had, got)
}

function show(value: unknown): string {
  return inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY })
}
