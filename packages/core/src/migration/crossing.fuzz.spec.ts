import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { between, seeded } from '../../../../test/support/client/random.js'
import { seedsOf } from '../../../../test/support/fuzz/seeds.js'
import { Chance, stallTimeout } from './specs/chance.js'
import { World } from './specs/world.js'

const seeds = seedsOf(process.env.SEEDS ?? '1..300')

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

afterEach(() => {
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

/** Where everything has to be in the end. */
function faultsAtEnd(world: World, { isFair, isStopped }: Chance): string[] {
  const { here, hereLives, migration, there, thereLives, wires } = world
  const each = wires.flatMap((wire, n) => {
    const { copies, isTheirs, movedByUs } = wire
    const isHere = wire.here.isReading
    const isThere = wire.there?.isReading ?? false
    const faults: string[] = []
    if (!isStopped && copies.some((copy) => !copy.closed && copy !== wire.there?._handle))
      faults.push(`an fd of ${n} is left at the successor`)
    if (wire.closedByClient) return faults
    if (hereLives && !movedByUs && !isHere) faults.push(`${n} is frozen for ever`)
    if (movedByUs && thereLives && !isStopped && !isThere)
      faults.push(`${n} was let go and is nowhere`)
    if (!hereLives && thereLives && !isStopped && isTheirs && !isThere)
      faults.push(`${n} died with us though it was said to be theirs`)
    if (isFair && hereLives && thereLives && wire.name !== 'nobody' && !isThere)
      faults.push(`${n} has not moved`)
    return faults
  })
  const moved = wires.filter(({ movedByUs }) => movedByUs).length
  const adopted = wires.filter((wire) => wire.there).length
  return [
    ...each,
    ...(migration.moved === moved ? [] : [`${moved} moved, counted ${migration.moved}`]),
    ...(isStopped || there.connections.adopted === adopted
      ? []
      : [`${adopted} adopted, not counted`]),
    ...(here.connections.inFlight === 0 ? [] : ['requests are left here']),
  ]
}

test.each(seeds)('seed %i', async (seed) => {
  const random = seeded(seed)
  const count = between(random, 1, 12)
  const names = Array.from({ length: count }, () => (random() < 0.1 ? 'nobody' : 'somebody'))
  const world = new World(names, between(random, 1, 5), stallTimeout)
  const chance = new Chance(world, random)
  try {
    world.migration.walk()
    for (let n = between(random, 20, 150); n > 0; n--) {
      chance.step()
      // Several things happen in one turn of the event loop, or none.
      const turns = random() < 0.5
      if (turns) await turn()
      world.check(turns)
    }
    // Some end in the midst of it: then nothing is left but what is told below.
    if (random() < 0.1) return
    await chance.settle(random() < 0.8)
    const faults = [...world.faults, ...faultsAtEnd(world, chance)]
    expect(faults, [`seed ${seed}, ${count} connections`, ...chance.log].join('\n')).toEqual([])
  } finally {
    world.end()
    await turn()
  }
})
