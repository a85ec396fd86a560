import { expect } from 'vitest'
import type { Load } from './client/index.js'
import type { Service } from './service.js'

/**
 * How many upgrades a test makes in a row: from a connection that was accepted, from one that was
 * adopted, and from one that came to where it was adopted from. More of them are what load.test.ts
 * and migration.leak.test.ts are for.
 */
export const upgrades: number = Number(process.env.UPGRADES ?? 3)

/**
 * So many upgrades, each after every load got its answers; then a stop. Whatever was sent was
 * answered, and every generation drained of its own accord: none had to be hammered.
 * @param answers that each load waits for before an upgrade
 * @returns the pids of all generations
 */
export async function upgradesLoseNothing(
  service: Service,
  loads: readonly Load[],
  { times = upgrades, answers = 2 }: { times?: number; answers?: number } = {},
): Promise<number[]> {
  const generations = [service.pid]
  for (let n = 0; n < times; n++) {
    await Promise.all(loads.map((one) => one.progress(answers)))
    generations.push(await service.upgrade())
  }
  for (const { failed, ok, sent, samples } of await Promise.all(loads.map((one) => one.stop()))) {
    expect(failed, samples.join('\n')).toBe(0)
    expect(ok).toBe(sent)
  }
  await service.stop()
  expect(service.all({ event: 'exit' }).map((one) => one.code)).toEqual(generations.map(() => 0))
  return generations
}
