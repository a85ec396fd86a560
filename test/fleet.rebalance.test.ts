import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type Load, type LoadOptions, load } from './support/client/index.js'
import { Fleet } from './support/fleet.js'

/** Every connection at one of the workers: the other ones are stopped while clients come. */
async function skewed(
  fleet: Fleet,
  options: Pick<LoadOptions, 'connections' | 'thinkTime'>,
): Promise<Load> {
  const [, ...others] = await fleet.pids()
  for (const pid of others) fleet.service.signal('SIGSTOP', pid)
  const traffic = load({ ...options, target: { port: fleet.port }, together: true })
  // Each has had an answer, so none is left for those that go on now.
  await traffic.progress(options.connections)
  for (const pid of others) fleet.service.signal('SIGCONT', pid)
  return traffic
}

async function counts(fleet: Fleet): Promise<number[]> {
  return (await fleet.status()).workers.map(({ connections = 0 }) => connections)
}

test.each([2, 4])(
  'of %d workers the busiest has at most 1.3 of the mean after some seconds, and no client notices',
  async (workers) => {
    await using fleet = await Fleet.start({ workers, flags: ['--rebalance'] })
    const traffic = await skewed(fleet, { connections: 120, thinkTime: [20, 60] })
    await fleet.service.untilStderr(/Gave \d+ connections to worker/)
    const mean = 120 / workers
    for (let n = 0; ; n++) {
      const found = await counts(fleet)
      const all = found.reduce((sum, one) => sum + one, 0)
      // Each says it once a second: what they say together may be of different moments.
      if (all === 120 && Math.max(...found) <= mean * 1.3) break
      if (n > 100) throw new Error(`${found}\n${fleet.service.stderr}`)
      await delay(100)
    }
    await traffic.progress(3)
    // It goes on to be an ordinary worker's: a reload takes it along.
    await fleet.reload()
    await traffic.progress(3)
    const { failed, reconnects, samples } = await traffic.stop()
    expect([failed, reconnects], samples.join('\n')).toEqual([0, 0])
    await fleet.stop()
  },
)

test('a worker that gives and dies, or takes and dies, costs no connection but its own', async () => {
  await using fleet = await Fleet.start({ workers: 2, flags: ['--rebalance'] })
  const traffic = await skewed(fleet, { connections: 80, thinkTime: [5, 20] })
  await fleet.service.untilStderr(/Gave \d+ connections/)
  const [giver = -1] = await fleet.pids()
  const since = fleet.service.mark()
  fleet.service.signal('SIGKILL', giver)
  await fleet.service.until({ event: 'state', to: 'ready' }, since)
  await traffic.progress(2)
  const { failed, failures } = await traffic.stop()
  expect(failed).toBe(failures.reset + failures.cut)
  expect(failed).toBeLessThan(80)
  await fleet.stop()
})
