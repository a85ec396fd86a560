import { EndlessError } from '../errors.js'
import { fieldsOf } from './protocol.js'

/** A service with a supervisor, as `endless status` shows it. Times in ms, memory in bytes. */
export interface ServiceStatus {
  readonly name: string
  /** Of the supervisor: it stays. */
  readonly pid: number
  /** What the last successful reload loaded. */
  readonly release: string
  readonly uptime: number
  readonly state: string
  readonly workers: readonly WorkerStatus[]
  /** Since the service was started; an older one does not say. */
  readonly totals?: TotalsStatus | undefined
}

/** For a dashboard: how upgrades ended, and what they made of connections. */
export interface TotalsStatus {
  readonly upgrades: { readonly succeeded: number; readonly failed: number }
  readonly connections: { readonly moved: number; readonly drained: number; readonly cut: number }
}

/** One slot. What is not known (yet), or has no process to be of, is left out. */
export interface WorkerStatus {
  readonly slot: number
  readonly state: string
  readonly generation?: number | undefined
  readonly pid?: number | undefined
  readonly release?: string | undefined
  readonly uptime?: number | undefined
  readonly connections?: number | undefined
  /** Requests that are being answered. */
  readonly inFlight?: number | undefined
  readonly rss?: number | undefined
  /** Of the event loop. */
  readonly delay?: number | undefined
  /** After crashes; a reload is none. */
  readonly restarts?: number | undefined
  /** Its generations that still drain, oldest first. */
  readonly draining: readonly DrainStatus[]
}

/** A generation that drains, and who holds it. */
export interface DrainStatus {
  readonly pid: number
  readonly generation: number
  readonly age: number
  /** When the hammer falls; false where none does. */
  readonly hammerIn: number | false
  readonly holds: readonly string[]
}

/** Checks the answer to `status`: it may come from another release. Throws `ERR_ENDLESS_CONTROL`. */
export function readStatus(value: unknown): ServiceStatus {
  const { name, pid, release, uptime, state, workers, totals } = fieldsOf(value)
  return {
    name: textIn('name', name),
    pid: numberIn('pid', pid),
    release: textIn('release', release),
    uptime: numberIn('uptime', uptime),
    state: textIn('state', state),
    workers: listIn('workers', workers).map(readWorker),
    totals: optional('totals', totals, readTotals),
  }
}

function readTotals(_: string, value: unknown): TotalsStatus {
  const { upgrades, connections } = fieldsOf(value)
  const { succeeded, failed } = fieldsOf(upgrades)
  const { moved, drained, cut } = fieldsOf(connections)
  return {
    upgrades: { succeeded: numberIn('succeeded', succeeded), failed: numberIn('failed', failed) },
    connections: {
      moved: numberIn('moved', moved),
      drained: numberIn('drained', drained),
      cut: numberIn('cut', cut),
    },
  }
}

function readWorker(value: unknown): WorkerStatus {
  const fields = fieldsOf(value)
  return {
    slot: numberIn('slot', fields.slot),
    state: textIn('state', fields.state),
    generation: optional('generation', fields.generation, numberIn),
    pid: optional('pid', fields.pid, numberIn),
    release: optional('release', fields.release, textIn),
    uptime: optional('uptime', fields.uptime, numberIn),
    connections: optional('connections', fields.connections, numberIn),
    inFlight: optional('inFlight', fields.inFlight, numberIn),
    rss: optional('rss', fields.rss, numberIn),
    delay: optional('delay', fields.delay, numberIn),
    restarts: optional('restarts', fields.restarts, numberIn),
    draining: listIn('draining', fields.draining).map(readDrain),
  }
}

function readDrain(value: unknown): DrainStatus {
  const { pid, generation, age, hammerIn, holds } = fieldsOf(value)
  return {
    pid: numberIn('pid', pid),
    generation: numberIn('generation', generation),
    age: numberIn('age', age),
    hammerIn: hammerIn === false ? false : numberIn('hammerIn', hammerIn),
    holds: listIn('holds', holds).map((hold) => textIn('holds', hold)),
  }
}

type Check<T> = (name: string, value: unknown) => T

function optional<T>(name: string, value: unknown, check: Check<T>): T | undefined {
  return value === undefined || value === null ? undefined : check(name, value)
}

const textIn: Check<string> = (name, value) =>
  typeof value === 'string' ? value : unexpected(name, 'a text', value)
const numberIn: Check<number> = (name, value) =>
  typeof value === 'number' ? value : unexpected(name, 'a number', value)
const listIn: Check<readonly unknown[]> = (name, value) =>
  Array.isArray(value) ? value : unexpected(name, 'a list', value)

function unexpected(name: string, expected: string, value: unknown): never {
  throw new EndlessError(
    'ERR_ENDLESS_CONTROL',
    `${name}: expected ${expected} from the service, got ${JSON.stringify(value)}: it is of another ` +
      'release than this command',
  )
}
