/** How often some have their turn, in ms. */
const tick = 20

/**
 * Does it for each within a time, spread evenly, and each at a moment of its own by chance: clients that are told
 * the same at once come back at once.
 * @param over in ms; 0: for all at once
 * @param signal the others are left alone from then on
 * @returns settles when it is done
 */
export function gradually<T>(
  all: Iterable<T>,
  over: number,
  act: (one: T) => void,
  signal: AbortSignal,
): Promise<void> {
  const left = [...all]
  const share = over / left.length
  const since = performance.now()
  let next = 0
  // One after the other, each within its share of the time.
  const turnOf = (n: number): number => since + share * (n + Math.random())
  let due = turnOf(0)
  return new Promise((resolve) => {
    const timer = setInterval(() => some(), tick).unref()
    const end = (): void => {
      clearInterval(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const some = (): void => {
      for (; next < left.length && (over === 0 || due <= performance.now()); due = turnOf(++next))
        act(left[next] as T)
      if (next === left.length) end()
    }
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
    else some()
  })
}
