// `endless start` under a real systemd, by the unit that `endless unit` prints.
import { afterEach, describe, expect, test } from 'vitest'
import { type Load, load } from './support/client/index.js'
import { whyNoSystemd } from './support/systemd-box.js'
import { Unit } from './support/unit.js'

const missing = whyNoSystemd()
const loads: Load[] = []

/** Clients on kept and on new connections. */
function strict({ target }: Unit): Load[] {
  const both = (['keep-alive', 'new-connection'] as const).map((mode) =>
    load({ target, connections: 2, mode, thinkTime: [0, 20] }),
  )
  loads.push(...both)
  return both
}

async function faultless(all: readonly Load[]): Promise<void> {
  for (const one of all) {
    const { failed, samples } = await one.stop()
    expect(failed, samples.join('\n')).toBe(0)
  }
}

afterEach(async () => {
  await Promise.all(loads.splice(0).map((one) => one.stop()))
})

describe.skipIf(missing !== '')('systemctl reload', () => {
  test('succeeds, or fails and says why, and the unit stays active', async () => {
    const flags = ['-w', '2', '--probation', '1s', '--ready-timeout', '3s']
    const unit = await Unit.boot({ flags })
    await unit.run('systemctl start shop')
    const { MainPID, ActiveState, StatusText } = await unit.state()
    expect(ActiveState).toBe('active')
    expect(StatusText).toMatch(/^Serving: 2 of 2 workers, generation 0, release .*releases\/1$/)
    expect((await unit.answer()).NOTIFY_SOCKET).toBeUndefined()
    const all = strict(unit)
    unit.deploy('2')
    await unit.run('systemctl reload shop')
    expect((await unit.answer()).release).toBe('2')
    for (const [release, why] of [
      ['throws', /the last reload failed: .*exited with code 1/],
      ['never listens', /the last reload failed: .*3000 ms/],
    ] as const) {
      unit.deploy(release)
      await Promise.all(all.map((one) => one.progress(5)))
      expect(await unit.codeOf('systemctl reload shop')).toBe(1)
      const state = await unit.until(({ SubState }) => SubState === 'running')
      expect(state).toMatchObject({ ActiveState: 'active', MainPID, NRestarts: '0' })
      expect(state.StatusText).toMatch(why)
      expect(await unit.run('systemctl status shop')).toMatch(why)
      expect((await unit.answer()).release).toBe('2')
    }
    await faultless(all)
    unit.deploy('dies')
    // What is inside of a worker that dies is lost; nobody is refused.
    const fresh = load({ target: unit.target, connections: 2, mode: 'new-connection' })
    loads.push(fresh)
    expect(await unit.codeOf('systemctl reload shop')).toBe(1)
    const state = await unit.until(({ SubState }) => SubState === 'running')
    expect(state).toMatchObject({ ActiveState: 'active', MainPID, NRestarts: '0' })
    expect(state.StatusText).toMatch(/the last reload failed: .*probation/)
    expect((await unit.answer()).release).toBe('2')
    expect((await fresh.stop()).failures.refused).toBe(0)
    const again = strict(unit)
    unit.deploy('3')
    await Promise.all(again.map((one) => one.progress(5)))
    await unit.run('systemctl reload shop')
    expect((await unit.state()).StatusText).toMatch(/releases\/3(; draining.*)?$/)
    expect((await unit.answer()).release).toBe('3')
    await faultless(again)
    const late = unit.answer('/late?ms=1500')
    await unit.run('systemctl stop shop')
    expect((await late).release).toBe('3')
    expect(await unit.state()).toMatchObject({ ActiveState: 'inactive', Result: 'success' })
  })
})
