// An app without a supervisor under a real systemd: its main process moves on at each upgrade.
import { resolve } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { strictly } from './support/strictly.js'
import { whyNoSystemd } from './support/systemd-box.js'
import { blocksOf, Unit } from './support/unit.js'

const missing = whyNoSystemd()
const clients = strictly()
afterEach(() => clients.leave())

const auto = resolve(import.meta.dirname, '../packages/core/dist/auto.mjs')

/** The unit that docs/operations.md has, on this machine, and in a hurry. */
function alone(unit: Unit, watchdog: number): Record<string, string> {
  const [, , text = ''] = blocksOf('ini')
  const options = {
    ...{ probation: 1_000, readyTimeout: 3_000, slowStart: 0 },
    controlSocket: '/run/shop/control.sock',
  }
  const own = unit
    .localised(text)
    .replace('@endlessjs/core/auto', auto)
    .replace('WatchdogSec=30', `WatchdogSec=${watchdog}`)
  const environment = `Environment='ENDLESS_OPTIONS=${JSON.stringify(options)}'`
  return { 'shop.service': `${unit.fitted(own)}${environment}\n` }
}

describe.skipIf(missing !== '')('an app alone', () => {
  test('the main process moves on, and stays where an upgrade fails', async () => {
    const unit = await Unit.prepare()
    await unit.bootWith(alone(unit, 3))
    await unit.run('systemctl start shop')
    const first = await unit.state()
    expect(first.ActiveState).toBe('active')
    expect(first.StatusText).toMatch(/^Serving: generation 0/)
    expect(first.MainPID).toBe(String((await unit.answer()).pid))
    const all = clients.arrive(unit)
    await clients.progress(all, 5)
    unit.deploy('2')
    await unit.run('systemctl reload shop')
    const moved = await unit.until(
      ({ MainPID, SubState }) => SubState === 'running' && MainPID !== first.MainPID,
    )
    const served = await unit.answer()
    expect(served).toMatchObject({ pid: Number(moved.MainPID), release: '2' })
    await unit.run(`timeout 20 sh -c 'while kill -0 ${first.MainPID} 2>&-; do sleep 0.05; done'`)
    expect(await unit.state()).toMatchObject({ ActiveState: 'active', NRestarts: '0' })
    unit.remove('1')
    for (const release of ['throws', 'never listens']) {
      unit.deploy(release)
      expect(await unit.codeOf('systemctl reload shop')).toBe(1)
      const { MainPID, StatusText } = await unit.until(({ SubState }) => SubState === 'running')
      expect(MainPID).toBe(moved.MainPID)
      expect(StatusText).toMatch(/^Serving: generation 1, .*the last upgrade failed/)
    }
    await clients.faultless(all)
    unit.deploy('dies')
    const asked = unit.codeOf('systemctl reload shop')
    const dead = (async () => {
      while ((await unit.answer().catch(() => ({ release: '' }))).release !== 'dies');
    })()
    expect(await asked).toBe(1)
    await dead
    const back = await unit.until(({ SubState }) => SubState === 'running')
    expect(back).toMatchObject({ MainPID: moved.MainPID, NRestarts: '0' })
    expect(back.StatusText).toMatch(/died on probation/)
    unit.deploy('3')
    await unit.run('systemctl reload shop')
    const { reply } = await unit.late(1500)
    await unit.run('systemctl stop shop')
    expect((await reply).release).toBe('3')
    expect(await unit.state()).toMatchObject({ ActiveState: 'inactive', Result: 'success' })
  })

  test('by signals alone, and a crash after the main process has moved', async () => {
    const unit = await Unit.prepare()
    const { 'shop.service': text = '' } = alone(unit, 30)
    const plain = text
      .replace(/"controlSocket":"[^"]+"/, '"migrate":true')
      .replace(/^ExecReload=.*/m, 'ExecReload=kill -HUP $MAINPID')
      .replace(/^ExecStop=.*/m, "ExecStop=sh -c 'kill $MAINPID; tail --pid=$MAINPID -f /dev/null'")
    await unit.bootWith({ 'shop.service': plain })
    await unit.run('systemctl start shop')
    const move = async (release: string): Promise<string> => {
      const { MainPID: before } = await unit.state()
      unit.deploy(release)
      await unit.run('systemctl reload shop')
      const { MainPID } = await unit.until(({ MainPID: now }) => now !== before)
      await unit.run(`timeout 20 sh -c 'while kill -0 ${before} 2>&-; do sleep 0.05; done'`)
      return MainPID
    }
    await unit.run(`kill -KILL ${await move('2')}`)
    await unit.until(({ NRestarts, ActiveState }) => NRestarts === '1' && ActiveState === 'active')
    await move('3')
    const { reply } = await unit.late(1500)
    await unit.run('systemctl stop shop')
    expect((await reply).release).toBe('3')
    expect(await unit.state()).toMatchObject({ ActiveState: 'inactive', Result: 'success' })
  })

  test('whose event loop stands still is started again', async () => {
    const unit = await Unit.prepare()
    await unit.bootWith(alone(unit, 2))
    await unit.run('systemctl start shop')
    await unit.answer('/spin').catch(() => {})
    await unit.until(({ NRestarts, ActiveState }) => NRestarts === '1' && ActiveState === 'active')
    expect((await unit.answer()).release).toBe('1')
    await unit.run('systemctl stop shop')
  })
})
