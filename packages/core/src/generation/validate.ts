import { constants } from 'node:os'
import { inspect } from 'node:util'
import { EndlessError } from '../errors.js'
import type { UpgraderOptions } from './options.js'

/** Throws unless `value` fits; the message names the option, what was expected and what came. */
type Check = (name: string, value: unknown) => void

const longestTimer = 2 ** 31 - 1
const loggerMethods = ['debug', 'info', 'warn', 'error'] as const
const actions = ['upgrade', 'hammer', 'shutdown']
const untakable = ['SIGKILL', 'SIGSTOP']

function bad(name: string, expected: string, value: unknown): EndlessError {
  const received = inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY })
  return new EndlessError(
    'ERR_ENDLESS_OPTION',
    `option "${name}": expected ${expected}, received ${received}`,
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const duration: Check = (name, value) => {
  if (typeof value !== 'number' || !(value >= 0 && value <= longestTimer))
    throw bad(name, `milliseconds from 0 to ${longestTimer}`, value)
}

const flag: Check = (name, value) => {
  if (typeof value !== 'boolean') throw bad(name, 'true or false', value)
}

const crash: Check = (name, value) => {
  if (value !== 'exit' && value !== 'handover') throw bad(name, '"exit" or "handover"', value)
}

const hook: Check = (name, value) => {
  if (typeof value !== 'function') throw bad(name, 'a function', value)
}

/** A signal that a process may handle, as Node names it. */
export function checkSignal(name: string, signal: unknown): void {
  const known = typeof signal === 'string' && signal in constants.signals
  // Windows knows fewer signals; a map that is good elsewhere must not throw there.
  const elsewhere = process.platform === 'win32' && /^SIG[A-Z0-9]+$/.test(String(signal))
  if (!(known || elsewhere) || untakable.includes(String(signal)))
    throw bad(name, 'a signal that can be handled, such as "SIGHUP"', signal)
}

const signals: Check = (name, value) => {
  if (value === false) return
  if (!isRecord(value)) throw bad(name, 'false, a preset, or { SIGHUP: "upgrade", … }', value)
  for (const [signal, action] of Object.entries(value)) {
    checkSignal(name, signal)
    if (action === undefined) continue
    if (!actions.includes(String(action)))
      throw bad(`${name}.${signal}`, '"upgrade", "hammer" or "shutdown"', action)
  }
}

const hooks: Check = (name, value) => {
  if (!isRecord(value)) throw bad(name, '{ pre: { SIGHUP: fn }, post: { … } }', value)
  for (const [when, bySignal] of Object.entries(value)) {
    if (when !== 'pre' && when !== 'post') throw bad(name, 'only "pre" and "post" in it', when)
    if (bySignal === undefined) continue
    if (!isRecord(bySignal)) throw bad(`${name}.${when}`, '{ SIGHUP: fn | fn[] }', bySignal)
    for (const [signal, list] of Object.entries(bySignal)) {
      checkSignal(`${name}.${when}`, signal)
      if (list === undefined) continue
      for (const one of Array.isArray(list) ? list : [list]) hook(`${name}.${when}.${signal}`, one)
    }
  }
}

const logger: Check = (name, value) => {
  if (value === false) return
  if (!isRecord(value) || loggerMethods.some((method) => typeof value[method] !== 'function'))
    throw bad(name, `false or an object with ${loggerMethods.join(', ')} (pino's shape)`, value)
}

const checks: Record<string, Check> = {
  beforeBegin: hook,
  beforeReady: hook,
  beforeSpawn: hook,
  onDrain: hook,
  onRevive: hook,
  onExit: hook,
  hammerTime: (name, value) => {
    if (value === false) return
    if (typeof value !== 'number' || !(value >= 0 && value <= longestTimer))
      throw bad(name, `false or milliseconds from 0 to ${longestTimer}`, value)
  },
  readyTimeout: duration,
  probation: duration,
  maxDraining: (name, value) => {
    if (!Number.isInteger(value) || Number(value) < 1)
      throw bad(name, 'a whole number from 1 on', value)
  },
  shutdownDelay: duration,
  idleGrace: duration,
  streamGrace: duration,
  stallTimeout: duration,
  loadBalancerIdleTimeout: duration,
  pidFile: (name, value) => {
    if (typeof value !== 'string' || value === '') throw bad(name, 'a path', value)
  },
  controlSocket: (name, value) => {
    if (value !== true && (typeof value !== 'string' || value === ''))
      throw bad(name, 'a path, or true for the one by the name of the service', value)
  },
  signals,
  sharedSignals: (name, value) => {
    if (!Array.isArray(value)) throw bad(name, 'a list of signals such as ["SIGHUP"]', value)
    for (const signal of value) checkSignal(name, signal)
  },
  hooks,
  logger,
  migrate: (name, value) => {
    if (typeof value !== 'boolean' && typeof value !== 'function')
      throw bad(name, 'true, false or a function of a socket', value)
  },
  carryLimit: (name, value) => {
    if (!Number.isInteger(value) || Number(value) < 0) throw bad(name, 'a number of bytes', value)
  },
  slowStart: duration,
  http2Notice: flag,
  ignoreLauncher: flag,
  onCrash: crash,
  autoReady: flag,
}

/** The kinds of server that an app can be behind. */
export type Protocol = 'http' | 'https' | 'http2'

const creators: Readonly<Record<Protocol, string>> = {
  http: 'http.createServer',
  https: 'https.createServer',
  http2: 'http2.createSecureServer',
}

const serverOptions: Check = (name, value) => {
  if (!isRecord(value)) throw bad(name, `options of ${creators[name as Protocol]}`, value)
}

const appChecks: Record<string, Check> = {
  upgrader: (name, value) => {
    if (
      !isRecord(value) ||
      typeof value.listen !== 'function' ||
      typeof value.attach !== 'function'
    )
      throw bad(name, 'what upgrader() or testUpgrader() returns', value)
  },
}

function check(options: unknown, known: Record<string, Check>): void {
  if (!isRecord(options)) throw bad('options', 'an object', options)
  for (const [name, value] of Object.entries(options)) {
    const fits = Object.hasOwn(known, name) ? known[name] : undefined
    if (!fits) throw bad(name, `one of ${Object.keys(known).join(', ')}`, value)
    // An option that is there but undefined counts as left out, as it does in Node's own API.
    if (value !== undefined) fits(name, value)
  }
}

/** Throws on the first bad option of `upgrader()`. */
export function checkUpgraderOptions(options: unknown): asserts options is UpgraderOptions {
  check(options, checks)
}

/** Throws on the first bad option of an adapter. */
export function checkAppOptions(options: unknown, protocols: readonly Protocol[] = []): void {
  const servers = Object.fromEntries(protocols.map((name) => [name, serverOptions]))
  check(options, { ...checks, ...appChecks, ...servers })
  const given = protocols.filter((name) => isRecord(options) && options[name] !== undefined)
  const [first, second] = given
  if (first && second)
    throw bad(first, `no "${first}" beside "${second}": a server is one or the other`, options)
}
