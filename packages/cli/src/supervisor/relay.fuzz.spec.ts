import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { between, seeded } from '../../../../test/support/client/random.js'
import { seedsOf } from '../../../../test/support/fuzz/seeds.js'
import { Chatting } from './specs/chatting.js'

const seeds = seedsOf(process.env.SEEDS ?? '1..200')

/** Whatever is under way comes to its end. */
async function settle(world: Chatting): Promise<void> {
  for (let quiet = 0; quiet < 3; ) {
    quiet = world.drain() ? 0 : quiet + 1
    await turn()
  }
}

async function run(seed: number, kills: boolean): Promise<Chatting> {
  const random = seeded(seed)
  const world = new Chatting(random, between(random, 1, 3))
  for (let n = between(random, 50, 600); n > 0; n--) {
    world.step(kills)
    // Several things happen in one turn of the event loop.
    if (random() < 0.3) await new Promise<void>((resolve) => process.nextTick(resolve))
    if (random() < 0.3) await turn()
  }
  await settle(world)
  return world
}

test.each(seeds)('seed %i: each client reads each message once, in order', async (seed) => {
  const world = await run(seed, false)
  world.check()
  expect(world.faults, [`seed ${seed}`, ...world.log].join('\n')).toEqual([])
})

test.each(seeds)('seed %i: where processes die, none comes twice', async (seed) => {
  const world = await run(seed, true)
  expect(world.faults, [`seed ${seed}`, ...world.log].join('\n')).toEqual([])
})
