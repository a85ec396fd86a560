// An app without a supervisor under a real systemd: its main process moves on at each upgrade.
import { resolve } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { bin } from './support/fleet.js'
import { strictly } from './support/strictly.js'
import { whyNoSystemd } from './support/systemd-box.js'
import { Unit } from './support/unit.js'

const missing = whyNoSystemd()
const clients = strictly()
afterEach(() => clients.leave())

const auto = resolve(import.meta.dirname, '../packages/core/dist/auto.js')
const control = '/run/shop/control.sock'

/** @param more lines of its [Service] */
function alone(more = ''): (unit: string) => string {
  return (unit) => {
    const from = (key: string): string => unit.match(new RegExp(`^${key}=.*`, 'm'))?.[0] ?? ''
    const known = unit.match(
      /^(Environment=PORT|StandardOutput|StandardError|User|WorkingDirectory)=.*/gm,
    )
    return `[Service]
Type=notify
NotifyAccess=all
RuntimeDirectory=shop
Restart=always
RestartSec=1
${known?.join('\n')}
Environment='ENDLESS_OPTIONS={"probation":1000,"readyTimeout":3000,"slowStart":0,"controlSocket":"${control}"}'
ExecStart=${process.execPath} --require ${auto} ${from('WorkingDirectory').split('=')[1]}/server.mjs
ExecReload=${process.execPath} ${bin} reload --control ${control}
${more}
`
  }
}

describe.skipIf(missing !== '')('an app alone', () => {
  test('the main process moves on, and stays where an upgrade fails', async () => {
    const unit = await Unit.boot({ change: alone('WatchdogSec=3') })
    await unit.run('systemctl start shop')
    const first = await unit.state()
    expect(first.ActiveState).toBe('active')
    expect(first.StatusText).toMatch(/^Serving: generation 0/)
    expect(first.MainPID).toBe(String((await unit.answer()).pid))
    const all = clients.arrive(unit)
    await clients.progress(5)
    unit.deploy('2')
    await unit.run('systemctl reload shop')
    const moved = await unit.until(
      ({ MainPID, SubState }) => SubState === 'running' && MainPID !== first.MainPID,
    )
    const served = await unit.answer()
    expect(served).toMatchObject({ pid: Number(moved.MainPID), release: '2' })
    await unit.run(`timeout 20 sh -c 'while kill -0 ${first.MainPID} 2>&-; do sleep 0.05; done'`)
    expect(await unit.state()).toMatchObject({ ActiveState: 'active', NRestarts: '0' })
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
    const late = unit.answer('/late?ms=1500')
    await unit.run('systemctl stop shop')
    expect((await late).release).toBe('3')
    expect(await unit.state()).toMatchObject({ ActiveState: 'inactive', Result: 'success' })
  })

  test('whose event loop stands still is started again', async () => {
    const unit = await Unit.boot({ change: alone('WatchdogSec=2') })
    await unit.run('systemctl start shop')
    await unit.answer('/spin').catch(() => {})
    await unit.until(({ NRestarts, ActiveState }) => NRestarts === '1' && ActiveState === 'active')
    expect((await unit.answer()).release).toBe('1')
    await unit.run('systemctl stop shop')
  })
})
