import { expect, test } from 'vitest'
import { fuzz } from './support/fuzz/run.js'
import { seedsOf } from './support/fuzz/seeds.js'
import { isLong } from './support/long.js'

/** Of 20, 12 that kill and 8 that do not; of 8, 5 and 3. `SEEDS=7`, `SEEDS=3,7` or `SEEDS=101..200`: others. */
const seeds = seedsOf(process.env.SEEDS ?? (isLong ? '1..16,18,19,26,61' : '1..8'))

test.for(seeds)('seed %i: every byte is accounted for', async (seed, { annotate }) => {
  const outcome = await fuzz(seed)
  await annotate(JSON.stringify(outcome))
  expect(outcome.answers).toBeGreaterThan(0)
})
