/**
 * Kept by name on the process: what is known at its start may not be known later, so whoever looks first
 * (the preload `auto`, before the app) looks for every copy of this package that is loaded after it.
 */
const key = Symbol.for('@endlessjs/core:start')

/** What `look` sees, or saw already. */
export function atStart<T>(name: string, look: () => T): T {
  const seen: Map<string, T> = Reflect.get(process, key) ?? new Map<string, T>()
  Reflect.set(process, key, seen)
  const [value] = seen.has(name) ? [seen.get(name) as T] : [look()]
  seen.set(name, value)
  return value
}
