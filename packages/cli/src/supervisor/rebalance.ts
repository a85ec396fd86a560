import { messageOf, type Passing } from '@endlessjs/core/fleet'
import type { Fleet } from './fleet.js'
import { nextId } from './ids.js'
import { makePairs } from './pairs.js'
import type { Voice } from './voice.js'
import type { Worker } from './worker.js'

/** How often to look, in ms: workers say as often how many connections they have. */
const lookEvery = 1_000
/** How many looks in a row have to find it: what evens out by itself, as connections come and go, is left alone. */
const lasting = 3
/** What a worker may have beyond the mean before it gives some away. */
const tolerated = 1.15
/** With fewer for each worker there is nothing to mend. */
const worthwhile = 4
/** Two channels, and lanes for connections. */
const pipes = 2 + 4

/** Evens out the connections of workers: the kernel wakes whoever is quickest, again and again. */
export class Rebalance {
  readonly #fleet: Fleet
  readonly #voice: Voice
  readonly #timer: NodeJS.Timeout
  /** When connections were given last: what workers said before that is not true any more. */
  #givenAt = Number.NEGATIVE_INFINITY
  #found = 0

  constructor(fleet: Fleet, voice: Voice) {
    this.#fleet = fleet
    this.#voice = voice
    this.#timer = setInterval(() => void this.#look(), lookEvery).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #look(): Promise<void> {
    // A reload moves all of them anyway.
    if (this.#fleet.state !== 'serving') return
    const workers = this.#fleet.slots.flatMap(({ current }) =>
      current?.state === 'serving' && current.beat ? [current] : [],
    )
    if (workers.some(({ beatAt }) => beatAt < this.#givenAt + lookEvery / 2)) return
    const gifts = giftsAmong(
      workers.map((worker) => ({ worker, count: worker.beat?.connections ?? 0 })),
    )
    this.#found = gifts.length > 0 ? this.#found + 1 : 0
    if (this.#found < lasting) return
    this.#givenAt = performance.now()
    for (const { from, to, count } of gifts)
      await this.#give(from, to, count).catch((error: unknown) =>
        this.#voice.complain(`Connections could not be evened out: ${messageOf(error)}`),
      )
  }

  async #give(from: Worker, to: Worker, count: number): Promise<void> {
    const id = nextId()
    const pairs = await makePairs(pipes)
    // What the one says the other hears: their first two are crossed.
    const ends = pairs.map(([near]) => near)
    const [first, second, ...lanes] = pairs.map(([, far]) => far) as [
      Passing,
      Passing,
      ...Passing[],
    ]
    pass(from, id, ends)
    pass(to, id, [second, first, ...lanes])
    to.tell({ endless: 'take', id })
    from.tell({ endless: 'give', id, count, to: to.facts.slot })
  }
}

function pass(worker: Worker, id: number, ends: readonly Passing[]): void {
  for (const { handle, close } of ends) worker.tell({ endless: 'pipe', id }, handle, close)
}

interface Load<T> {
  readonly worker: T
  readonly count: number
}

interface Gift<T> {
  readonly from: T
  readonly to: T
  readonly count: number
}

/** Who gives how many to whom: those with too many, to those with the fewest. */
export function giftsAmong<T>(loads: readonly Load<T>[]): Gift<T>[] {
  const total = loads.reduce((sum, { count }) => sum + count, 0)
  const mean = total / loads.length
  if (loads.length < 2 || mean < worthwhile) return []
  const left = loads.map((one) => ({ ...one }))
  const gifts: Gift<T>[] = []
  for (;;) {
    left.sort((a, b) => a.count - b.count)
    const [least, most] = [left[0], left.at(-1)]
    if (!least || !most || most.count <= mean * tolerated) return gifts
    const count = Math.floor(Math.min(most.count - mean, mean - least.count))
    if (count < 1) return gifts
    gifts.push({ from: most.worker, to: least.worker, count })
    most.count -= count
    least.count += count
  }
}
