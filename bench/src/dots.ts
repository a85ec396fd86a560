import type { Failed, Sample } from './timeline.js'

/** What is drawn at one place of this size is drawn once; in pixels. */
const cell = 1.5
/** A single failure has to be seen; in cells. */
const mark = 2

/** A linear axis of time, and a logarithmic one of latency. */
export interface Area {
  readonly width: number
  readonly height: number
  readonly seconds: number
  /** In ms. */
  readonly floor: number
  readonly top: number
}

/** A point of a line; one without latency ends the line. */
export interface Dot {
  readonly n: number
  readonly second: number
  readonly latency: number | null
  readonly generation: number
}

/** A place for each answer, on a grid so fine that it is not seen, and each place once. */
export function dotsOf(samples: readonly Sample[], area: Area): Dot[] {
  const { width, height, seconds, floor, top } = area
  const high = Math.log(top / floor)
  const places = new Map<string, Omit<Dot, 'n'>>()
  for (const { at, latency, generation } of samples) {
    const column = Math.round(((at / 1000 / seconds) * width) / cell)
    const row = Math.round(((Math.log(Math.max(latency, floor) / floor) / high) * height) / cell)
    places.set(`${generation} ${column} ${row}`, {
      second: ((column * cell) / width) * seconds,
      latency: floor * Math.exp(((row * cell) / height) * high),
      generation,
    })
  }
  return [...places.values()].flatMap((place, n) => [
    { ...place, n: 2 * n },
    { ...place, n: 2 * n + 1, latency: null },
  ])
}

/** Stretches of time in which requests failed, in seconds. */
export function marksOf(
  failures: readonly Failed[],
  { width, seconds }: Area,
): { from: number; to: number }[] {
  const unit = (cell / width) * seconds
  const columns = new Set(failures.map(({ at }) => Math.floor(at / 1000 / unit)))
  const marks: { from: number; to: number }[] = []
  for (const column of [...columns].sort((a, b) => a - b)) {
    const last = marks.at(-1)
    const [from, to] = [column * unit, (column + mark) * unit]
    if (last && last.to >= from) last.to = to
    else marks.push({ from, to })
  }
  return marks
}
