import { describe, expect, test } from 'vitest'
import { type Load, load } from './support/client/index.js'
import { Fleet } from './support/fleet.js'
import type { ServiceEvent } from './support/service.js'

/** Renewals of workers, as the workers tell of them. */
function handovers(fleet: Fleet, since = 0): ServiceEvent[] {
  return fleet.service.all({ event: 'upgrade' }, since)
}

/** Settles when so many workers were renewed. */
async function renewed(fleet: Fleet, count: number): Promise<void> {
  for (let since = 0, n = 0; n < count; n++) {
    const end = await fleet.service.until({ event: 'upgrade', phase: 'ready' }, since)
    since = fleet.service.events.indexOf(end) + 1
  }
}

async function lostNothing(fleet: Fleet, traffic: Load): Promise<void> {
  const { failed, reconnects, samples } = await traffic.stop()
  expect([failed, reconnects], samples.join('\n')).toEqual([0, 0])
  // One at a time: each has ended before the next one begins.
  const phases = handovers(fleet).map(({ phase }) => phase)
  expect(phases.filter((phase, n) => phase !== (n % 2 === 0 ? 'start' : 'ready'))).toEqual([])
  await fleet.stop()
  const codes = fleet.service.all({ event: 'exit' }).map(({ code }) => code)
  expect(new Set(codes)).toEqual(new Set([0]))
}

describe('a worker is renewed, with nothing lost', () => {
  test.each([
    ['--max-requests', '100', /answered \d+ requests \(--max-requests\)/],
    ['--max-age', '1500', /it is old \(--max-age\)/],
  ])('%s %s', async (flag, value, why) => {
    await using fleet = await Fleet.start({ flags: [flag, value] })
    const before = await fleet.pids()
    const traffic = load({ target: { port: fleet.port }, connections: 8, thinkTime: [0, 10] })
    await renewed(fleet, 3)
    // Each has its turn, also where the ones that come after it are due again by then. How many requests one
    // gets, the kernel says.
    if (flag === '--max-age')
      for (const pid of before) await fleet.service.until({ event: 'exit', pid, code: 0 })
    expect(fleet.service.stderr).toMatch(why)
    await lostNothing(fleet, traffic)
  })

  test('--max-memory: the one that has grown, and no other', async () => {
    await using fleet = await Fleet.start({ flags: ['--max-memory', '250M'] })
    const before = await fleet.pids()
    const target = { port: fleet.port }
    const traffic = load({ target, connections: 8, thinkTime: [0, 10] })
    await traffic.progress(10)
    const growth = load({
      target,
      connections: 1,
      method: 'GET',
      url: '/grow?mb=300',
      thinkTime: 60_000,
    })
    const { pid } = await fleet.service.until({ event: 'exit', code: 0 })
    expect((await growth.stop()).failed).toBe(0)
    expect(fleet.service.stderr).toMatch(/it has \d+ bytes \(--max-memory\)/)
    const after = await fleet.pids()
    expect(after.filter((one) => before.includes(one))).toEqual(before.filter((one) => one !== pid))
    await lostNothing(fleet, traffic)
  })
})

test('never beside a reload; and one that comes beside a renewal is not refused', async () => {
  await using fleet = await Fleet.start({ workers: 2, flags: ['--max-requests', '50'] })
  const traffic = load({ target: { port: fleet.port }, connections: 8, thinkTime: [0, 10] })
  await renewed(fleet, 1)
  // A renewal that takes its time: the reload waits for it.
  fleet.service.control({ import: 'wait' })
  const since = fleet.service.mark()
  await fleet.service.until({ event: 'upgrade', phase: 'start' }, since)
  const reload = fleet.run('reload')
  await fleet.service.until({ event: 'stage', name: 'import', what: 'wait' }, since)
  fleet.service.control({})
  expect(await reload).toMatchObject({ code: 0, stderr: '' })
  // A reload that takes its time: no worker is renewed, whatever it has answered.
  fleet.service.control({ import: 'wait' })
  const second = fleet.begin('reload')
  await fleet.service.untilStderr(/Reloading 2 workers/)
  const begun = fleet.service.mark()
  await traffic.progress(60)
  expect(handovers(fleet, begun).filter(({ phase }) => phase === 'ready').length).toBeLessThan(2)
  fleet.service.control({})
  await second.outcome
  const { failed, reconnects, samples } = await traffic.stop()
  expect([failed, reconnects], samples.join('\n')).toEqual([0, 0])
  expect(fleet.service.stderr).not.toMatch(/was not renewed/)
  await fleet.stop()
})

test('one that cannot be renewed serves on, and leaves the others their turn', async () => {
  await using fleet = await Fleet.start({ flags: ['--max-age', '1s'] })
  const before = await fleet.pids()
  const traffic = load({ target: { port: fleet.port }, connections: 4, thinkTime: [0, 10] })
  fleet.service.control({ import: 'throw' })
  await fleet.service.untilStderr(/Worker 0 was not renewed: .*boom at import/s)
  await fleet.service.untilStderr(/Worker 1 was not renewed: .*boom at import/s)
  expect(fleet.service.stderr.match(/Renewing worker/g)).toHaveLength(2)
  expect(await fleet.pids()).toEqual(before)
  const { failed, reconnects, samples } = await traffic.stop()
  expect([failed, reconnects], samples.join('\n')).toEqual([0, 0])
  await fleet.stop()
})
