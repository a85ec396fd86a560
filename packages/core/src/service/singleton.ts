import type { Upgrader } from '../api.js'
import type { UpgraderOptions } from '../generation/index.js'
import { ProcessUpgrader } from './upgrader.js'

/**
 * Kept by name on the process and not in a module: two copies of this package in one
 * `node_modules` must still be one upgrader, or each would spawn a successor.
 */
const key = Symbol.for('@endlessjs/core:upgrader')

/**
 * The upgrader of this process: made by the first call, the same one ever after. Options of later
 * calls are added to it (see {@link Upgrader.configure}).
 *
 * @throws EndlessError `ERR_ENDLESS_OPTION`, `ERR_ENDLESS_OPTION_CONFLICT`, `ERR_ENDLESS_HANDOVER`
 * or `ERR_ENDLESS_NODE`
 */
export function upgrader(options: UpgraderOptions = {}): Upgrader {
  const existing = currentUpgrader()
  existing?.configure(options)
  if (existing) return existing
  const made = new ProcessUpgrader(options, () => Reflect.deleteProperty(process, key))
  Reflect.set(process, key, made)
  return made
}

/** The upgrader of this process, where there is one. */
export function currentUpgrader(): Upgrader | undefined {
  const existing: unknown = Reflect.get(process, key)
  return isUpgrader(existing) ? existing : undefined
}

function isUpgrader(value: unknown): value is Upgrader {
  return typeof value === 'object' && value !== null && 'configure' in value
}
