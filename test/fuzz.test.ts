import { expect, test } from 'vitest'
import { fuzz } from './support/fuzz/run.js'
import { seedsOf } from './support/fuzz/seeds.js'

/** 12 that kill and 8 that do not. `SEEDS=7`, `SEEDS=3,7` or `SEEDS=101..200`: others. */
const seeds = seedsOf(process.env.SEEDS ?? '1..16,18,19,26,61')

test.for(seeds)('seed %i: every byte is accounted for', async (seed, { annotate }) => {
  const outcome = await fuzz(seed)
  await annotate(JSON.stringify(outcome))
  expect(outcome.answers).toBeGreaterThan(0)
})
