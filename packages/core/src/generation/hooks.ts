import { EndlessError, messageOf } from '../errors.js'
import type {
  LifeHooks,
  SignalHook,
  SignalHookMap,
  SignalHooks,
  UpgraderOptions,
} from './options.js'

const lifeHooks = [
  'beforeBegin',
  'beforeReady',
  'beforeSpawn',
  'onDrain',
  'onRevive',
  'onExit',
] as const

/** The options that are functions, or have them: what no process can pass to another. */
export const hookNames: readonly (keyof LifeHooks | 'hooks')[] = [...lifeHooks, 'hooks']

/** When a signal hook runs: before or after the signal's action. */
export type When = 'pre' | 'post'

type Hook = (...args: never[]) => unknown

/** Hooks by name, each a list that is awaited in the order of registration. */
export class Hooks {
  readonly #lists = new Map<string, Hook[]>()
  readonly #running = new Set<Promise<void>>()
  /** Called when a signal's hooks change. */
  changed: () => void = () => {}

  /** Registers everything that the options bring, save what `skip` names. */
  addAll(options: UpgraderOptions, skip: readonly (keyof LifeHooks)[] = []): void {
    for (const name of lifeHooks) {
      const hook = options[name]
      if (hook && !skip.includes(name)) this.#add(name, hook)
    }
    this.#addSignals('pre', options.hooks)
    this.#addSignals('post', options.hooks)
  }

  /** @returns takes it out again */
  add<Name extends keyof LifeHooks>(name: Name, hook: LifeHooks[Name]): () => void {
    return this.#add(name, hook)
  }

  /** @returns takes it out again */
  addSignal(when: When, signal: NodeJS.Signals, hook: SignalHook): () => void {
    const undo = this.#add(`${when}:${signal}`, hook)
    this.changed()
    return () => {
      undo()
      this.changed()
    }
  }

  has(name: keyof LifeHooks): boolean {
    return (this.#lists.get(name)?.length ?? 0) > 0
  }

  /** The signals that have a hook. */
  signals(): NodeJS.Signals[] {
    const keys = [...this.#lists].filter(([key, list]) => key.includes(':') && list.length > 0)
    return [...new Set(keys.map(([key]) => key.slice(key.indexOf(':') + 1) as NodeJS.Signals))]
  }

  /** Awaits the hooks of a name in order; a throwing one ends the row with `ERR_ENDLESS_HOOK`. */
  run<Name extends keyof LifeHooks>(
    name: Name,
    ...args: Parameters<LifeHooks[Name]>
  ): Promise<void> {
    return this.#run(name, args)
  }

  runSignal(when: When, signal: NodeJS.Signals): Promise<void> {
    return this.#track(this.#run(`${when}:${signal}`, [signal]))
  }

  /** Settles when no signal hook runs: a process does not exit over one. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running)
  }

  clear(): void {
    this.#lists.clear()
  }

  #addSignals(when: When, hooks: SignalHooks | undefined): void {
    const bySignal: SignalHookMap = hooks?.[when] ?? {}
    for (const [signal, given] of Object.entries(bySignal))
      for (const hook of [given ?? []].flat()) this.addSignal(when, signal as NodeJS.Signals, hook)
  }

  #add(key: string, hook: Hook): () => void {
    const list = this.#lists.get(key) ?? []
    this.#lists.set(key, list)
    // An entry of its own, so that a function that is registered twice is undone once at a time.
    const entry: Hook = (...args) => hook(...args)
    list.push(entry)
    return () => {
      const at = list.indexOf(entry)
      if (at >= 0) list.splice(at, 1)
    }
  }

  #track(run: Promise<void>): Promise<void> {
    this.#running.add(run)
    const done = (): void => void this.#running.delete(run)
    run.then(done, done)
    return run
  }

  async #run(key: string, args: unknown[]): Promise<void> {
    for (const hook of [...(this.#lists.get(key) ?? [])]) await callHook(key, hook, args)
  }
}

/** Awaits one hook; what it throws becomes the cause of an `ERR_ENDLESS_HOOK`. */
export async function callHook(name: string, hook: Hook, args: unknown[]): Promise<void> {
  try {
    await hook(...(args as never[]))
  } catch (cause) {
    throw new EndlessError('ERR_ENDLESS_HOOK', `hook ${name} threw: ${messageOf(cause)}`, { cause })
  }
}
