import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Notifier, notifyEnvironment, speaksForUnit, withoutNotify } from './notify.js'

/** A systemd-notify that writes down what it was told, after a while. */
function recorder(): { path: string; told: () => string[] } {
  const directory = mkdtempSync(join(tmpdir(), 'endless-notify-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const said = join(directory, 'said')
  writeFileSync(said, '')
  const file = join(directory, 'systemd-notify')
  writeFileSync(file, `#!/bin/sh\nsleep 0.05\nIFS='|'\necho "$NOTIFY_SOCKET $*" >>${said}\n`)
  chmodSync(file, 0o755)
  return {
    path: `${directory}:${process.env.PATH}`,
    told: () => readFileSync(said, 'utf8').trim().split('\n'),
  }
}

test('what is told comes in order; of what only describes, the newest', async () => {
  const { path, told } = recorder()
  const notifier = new Notifier('/run/n', path, () => {})
  notifier.tell({ READY: 1, STATUS: 'a' })
  notifier.tell({ STATUS: 'b' })
  notifier.tell({ WATCHDOG: 1 })
  notifier.tell({ STATUS: 'c' })
  notifier.tell({ RELOADING: 1 })
  notifier.tell({ READY: 1 })
  await notifier.settled()
  expect(told()).toEqual([
    '/run/n READY=1|STATUS=a',
    '/run/n STATUS=c|WATCHDOG=1',
    '/run/n RELOADING=1',
    '/run/n READY=1',
  ])
})

test('a text is one line, whatever a client has asked for', async () => {
  const { path, told } = recorder()
  const notifier = new Notifier('/run/n', path, () => {})
  notifier.tell({ STATUS: `GET /\nSTOPPING=1\r${'x'.repeat(5_000)}` })
  await notifier.settled()
  expect(told()).toHaveLength(1)
  expect(told()[0]?.length).toBeLessThan(1_100)
})

test('without systemd-notify it says so once, and does nothing', async () => {
  const complaints: string[] = []
  const notifier = new Notifier('/run/n', '/nowhere', (message) => complaints.push(message))
  notifier.tell({ READY: 1 })
  await notifier.settled()
  notifier.tell({ STOPPING: 1 })
  await notifier.settled()
  expect(complaints).toEqual([expect.stringMatching(/systemd-notify is not in PATH/)])
})

test('one that fails is said once, and asked again', async () => {
  const complaints: string[] = []
  const { path, told } = recorder()
  const failing = path.split(':')[0] ?? ''
  const file = join(failing, 'systemd-notify')
  const good = readFileSync(file, 'utf8')
  writeFileSync(file, '#!/bin/sh\necho no socket >&2\nexit 1\n')
  const notifier = new Notifier('/run/n', path, (message) => complaints.push(message))
  notifier.tell({ READY: 1 })
  notifier.tell({ RELOADING: 1 })
  await notifier.settled()
  expect(complaints).toEqual(['systemd was not told: no socket'])
  writeFileSync(file, good)
  notifier.tell({ READY: 1 })
  await notifier.settled()
  expect(told()).toEqual(['/run/n READY=1'])
})

test('what systemd says in the environment', () => {
  expect(notifyEnvironment({})).toBeUndefined()
  const env = { NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '3000000', WATCHDOG_PID: '7', A: 'b' }
  expect(notifyEnvironment(env, 7)).toEqual({ socket: '/n', watchdog: 3_000 })
  expect(notifyEnvironment(env, 8)).toEqual({ socket: '/n', watchdog: undefined })
  expect(withoutNotify(env)).toEqual({ A: 'b' })
  expect([{}, { SYSTEMD_EXEC_PID: String(process.pid) }].map(speaksForUnit)).toEqual([true, true])
  expect(speaksForUnit({ SYSTEMD_EXEC_PID: '1' })).toBe(false)
})
