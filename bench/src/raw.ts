import type { Trial } from './trial.js'

/** Each answer, failure and signal, in the order of time: what readers may draw for themselves. */
export function csvOf(trials: readonly Trial[]): string {
  const rows = trials.flatMap(({ title, isControl, timeline }) => {
    const name = JSON.stringify(title)
    const signal = isControl ? 'no signal' : 'signal'
    const all: (readonly [at: number, ...rest: readonly string[]])[] = [
      ...timeline.samples.map(
        ({ at, latency, pid }) => [at, 'answer', latency.toFixed(3), pid] as const,
      ),
      ...timeline.failures.map(({ at, kind }) => [at, kind, '', ''] as const),
      ...timeline.upgrades.map(({ at }) => [at, signal, '', ''] as const),
    ]
    return all
      .sort(([a], [b]) => a - b)
      .map(([at, ...rest]) => [name, at.toFixed(1), ...rest].join())
  })
  return `contender,at ms,what,latency ms,pid\n${rows.join('\n')}\n`
}
