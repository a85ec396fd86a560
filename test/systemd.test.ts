// `endless start` under a real systemd, by the unit that `endless unit` prints.
import { afterEach, describe, expect, test } from 'vitest'
import { strictly } from './support/strictly.js'
import { whyNoSystemd } from './support/systemd-box.js'
import { Unit } from './support/unit.js'

const missing = whyNoSystemd()
const clients = strictly()
afterEach(() => clients.leave())

describe.skipIf(missing !== '')('systemctl reload', () => {
  test('succeeds, or fails and says why, and the unit stays active', async () => {
    const flags = ['-w', '2', '--probation', '1s', '--ready-timeout', '3s']
    const unit = await Unit.boot({ flags })
    await unit.run('systemctl start shop')
    const { MainPID, ActiveState, StatusText } = await unit.state()
    expect(ActiveState).toBe('active')
    expect(StatusText).toMatch(/^Serving: 2 of 2 workers, generation 0, release .*releases\/1$/)
    expect((await unit.answer()).NOTIFY_SOCKET).toBeUndefined()
    const all = clients.arrive(unit)
    unit.deploy('2')
    await unit.run('systemctl reload shop')
    expect((await unit.answer()).release).toBe('2')
    // As deploys clean up.
    unit.remove('1')
    for (const [release, why] of [
      ['throws', /the last reload failed: .*exited with code 1/],
      ['never listens', /the last reload failed: .*3000 ms/],
    ] as const) {
      unit.deploy(release)
      await clients.progress(all, 5)
      expect(await unit.codeOf('systemctl reload shop')).toBe(1)
      const state = await unit.until(({ SubState }) => SubState === 'running')
      expect(state).toMatchObject({ ActiveState: 'active', MainPID, NRestarts: '0' })
      expect(state.StatusText).toMatch(why)
      expect(await unit.run('systemctl status shop')).toMatch(why)
      expect((await unit.answer()).release).toBe('2')
    }
    // By a signal systemd hears of it from us alone.
    await unit.run(`kill -HUP ${MainPID}`)
    await unit.until(({ SubState }) => SubState === 'reload')
    await unit.until(({ SubState }) => SubState === 'running')
    await clients.faultless(all)
    unit.deploy('dies')
    // What is inside of a worker that dies is lost; nobody is refused.
    const fresh = clients.knock(unit)
    expect(await unit.codeOf('systemctl reload shop')).toBe(1)
    const state = await unit.until(({ SubState }) => SubState === 'running')
    expect(state).toMatchObject({ ActiveState: 'active', MainPID, NRestarts: '0' })
    expect(state.StatusText).toMatch(/the last reload failed: .*probation/)
    expect((await unit.answer()).release).toBe('2')
    expect((await fresh.stop()).failures.refused).toBe(0)
    const again = clients.arrive(unit)
    unit.deploy('3')
    await clients.progress(again, 5)
    await unit.run('systemctl reload shop')
    expect((await unit.state()).StatusText).toMatch(/releases\/3(; draining.*)?$/)
    expect((await unit.answer()).release).toBe('3')
    await clients.faultless(again)
    const { reply } = await unit.late(1500)
    await unit.run('systemctl stop shop')
    expect((await reply).release).toBe('3')
    expect(await unit.state()).toMatchObject({ ActiveState: 'inactive', Result: 'success' })
  })
})

describe.skipIf(missing !== '')('with a socket unit', () => {
  test('the first connection starts it, and no attempt to connect is lost, whatever ends it', async () => {
    const unit = await Unit.boot({ socket: true, flags: ['-w', '2', '--probation', '0'] })
    await unit.run('systemctl start shop.socket')
    expect((await unit.state()).ActiveState).toBe('inactive')
    expect((await unit.answer()).release).toBe('1')
    const { MainPID } = await unit.until(({ ActiveState }) => ActiveState === 'active')
    const first = clients.knock(unit)
    await first.progress(20)
    unit.deploy('2')
    await unit.run('systemctl reload shop')
    await unit.run('systemctl restart shop')
    await first.progress(20)
    const second = await unit.state()
    expect(second.MainPID).not.toBe(MainPID)
    await clients.faultless([first])
    // What is in its workers is lost with them, and with systemd's SIGKILL; nobody is refused.
    const crashed = clients.knock(unit)
    await crashed.progress(20)
    await unit.run(`kill -KILL ${second.MainPID}`)
    await unit.until(({ NRestarts, ActiveState }) => NRestarts === '1' && ActiveState === 'active')
    await crashed.progress(20)
    const { failures, samples } = await crashed.stop()
    expect(failures.refused + failures.timeout, samples.join('\n')).toBe(0)
    await unit.run('systemctl stop shop')
    expect((await unit.answer()).release).toBe('2')
    await unit.run('systemctl stop shop.socket shop')
  })
})

describe.skipIf(missing !== '')('the watchdog', () => {
  test('lives over a reload, replaces a worker that hangs, and restarts a supervisor that does', async () => {
    const unit = await Unit.boot({
      flags: ['-w', '2', '--probation', '4s'],
      change: (text) => text.replace('WatchdogSec=30', 'WatchdogSec=3'),
    })
    await unit.run('systemctl start shop')
    const { MainPID } = await unit.state()
    await unit.run('systemctl reload shop')
    expect(await unit.state()).toMatchObject({ MainPID, NRestarts: '0', ActiveState: 'active' })
    const { pid } = await unit.answer()
    const spun = unit.answer('/spin').catch(() => {})
    await spun
    const hung = await unit.run(`grep -c 'was silent for .* killed' ${unit.log}`)
    expect(Number(hung)).toBe(1)
    const healed = await unit.until(({ StatusText }) => /^Serving: 2 of 2/.test(StatusText))
    expect(healed).toMatchObject({ MainPID, NRestarts: '0' })
    expect(pid).toBeGreaterThan(0)
    await unit.run(`kill -STOP ${MainPID}`)
    const restarted = await unit.until(
      ({ NRestarts, ActiveState }) => NRestarts === '1' && ActiveState === 'active',
    )
    expect(restarted.MainPID).not.toBe(MainPID)
    expect((await unit.answer()).release).toBe('1')
    await unit.run('systemctl stop shop')
  })
})

test.skipIf(missing !== '')('a start and a stop that take long are given the time', async () => {
  const unit = await Unit.boot({
    change: (text) =>
      text
        .replace(/TimeoutStartSec=\d+/, 'TimeoutStartSec=2')
        .replace(/TimeoutStopSec=\d+/, 'TimeoutStopSec=2'),
  })
  unit.deploy('slow')
  await unit.run('systemctl start shop')
  expect(await unit.state()).toMatchObject({ ActiveState: 'active', NRestarts: '0' })
  const { reply } = await unit.late(4000)
  await unit.run('systemctl stop shop')
  expect((await reply).release).toBe('slow')
  expect(await unit.state()).toMatchObject({ ActiveState: 'inactive', Result: 'success' })
})

test.skipIf(missing !== '')(
  'an app that cannot start is started again, and the status says why',
  async () => {
    const unit = await Unit.boot()
    unit.deploy('throws')
    expect(await unit.codeOf('systemctl start shop')).toBe(1)
    await unit.until(({ StatusText }) => /could not start: .* exited with code 1/.test(StatusText))
    await unit.until(({ NRestarts }) => Number(NRestarts) > 1)
    unit.deploy('2')
    await unit.until(({ ActiveState }) => ActiveState === 'active')
    expect((await unit.answer()).release).toBe('2')
    await unit.run('systemctl stop shop')
  },
)

test.skipIf(missing !== '')('systemd-analyze verify accepts what is printed', async () => {
  const unit = await Unit.boot({ socket: true })
  await unit.run(
    `systemd-analyze verify ${unit.directory}/units/shop.service ${unit.directory}/units/shop.socket`,
  )
})
