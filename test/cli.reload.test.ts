import { once } from 'node:events'
import { EndlessError, type ErrorCode } from '@endlessjs/core/control'
import { describe, expect, test } from 'vitest'
import { type Asked, Command, fakeService } from './support/command.js'

const events = [
  { phase: 'spawned', slot: 0, generation: 4, pid: 4_800 },
  { phase: 'ready', slot: 0, pid: 4_800, text: 'after 120 ms' },
  { phase: 'probation' },
]

/** A reload that goes well. */
async function reloads({ progress }: Asked): Promise<unknown> {
  for (const event of events) progress(event)
  return { generation: 4 }
}

describe('endless reload', () => {
  test('says each event as it comes, and exits 0', async () => {
    const goOn = Promise.resolve().then(() => later)
    let finish: () => void = () => {}
    const later = new Promise<void>((done) => {
      finish = done
    })
    const service = await fakeService(async ({ progress }) => {
      progress(events[0] ?? {})
      await goOn
      progress(events[1] ?? {})
    })
    const command = new Command(['reload', '--control', service.path])
    // The first is there while the second is not even told.
    await command.until('spawned  slot 0, generation 4, pid 4800\n')
    finish()
    expect(await command.ended).toEqual({
      code: 0,
      stdout:
        'spawned  slot 0, generation 4, pid 4800\n' +
        'ready  slot 0, pid 4800: after 120 ms\n' +
        'reloaded  the new release serves\n',
      stderr: '',
    })
    expect(service.asked).toEqual([{ command: 'reload', args: { wait: false } }])
  })

  test('asks again where another process answers by then', async () => {
    const service = await fakeService(async (asked) => {
      if (service.asked.length < 3) return { moved: true }
      return reloads(asked)
    })
    const { code, stdout } = await new Command(['reload', '--control', service.path]).ended
    expect(code).toBe(0)
    expect(stdout).toMatch(/^spawned[\s\S]*reloaded/)
    expect(service.asked).toHaveLength(3)
  })

  test('--wait is for the service to do', async () => {
    const service = await fakeService(reloads)
    const { code } = await new Command(['reload', '--wait', '--control', service.path]).ended
    expect(code).toBe(0)
    expect(service.asked).toEqual([{ command: 'reload', args: { wait: true } }])
  })

  test('--json: a line for each event, then the result', async () => {
    const service = await fakeService(reloads)
    const { code, stdout, stderr } = await new Command([
      'reload',
      '--json',
      '--control',
      service.path,
    ]).ended
    const lines = stdout.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      ...events.map((event) => ({ event })),
      { result: { generation: 4 } },
    ])
    expect([code, stderr]).toEqual([0, ''])
  })

  test.each<[ErrorCode, number]>([
    ['ERR_ENDLESS_SUCCESSOR_EXITED', 1],
    ['ERR_ENDLESS_READY_TIMEOUT', 1],
    ['ERR_ENDLESS_CONTROL', 1],
    ['ERR_ENDLESS_OPTION', 1],
    ['ERR_ENDLESS_UPGRADE_IN_PROGRESS', 4],
    ['ERR_ENDLESS_PROBATION', 5],
  ])('%s: exits %d, with the reason on stderr', async (code, exit) => {
    const service = await fakeService(() =>
      Promise.reject(new EndlessError(code, 'it ended, saying:\n  Error: no such table')),
    )
    expect(await new Command(['reload', '--control', service.path]).ended).toEqual({
      code: exit,
      stdout: '',
      stderr: `endless: [${code}] it ended, saying:\n  Error: no such table\n`,
    })
  })

  test('--json: the error as well, and nothing on stderr', async () => {
    const service = await fakeService(() =>
      Promise.reject(new EndlessError('ERR_ENDLESS_PROBATION', 'it died')),
    )
    expect(await new Command(['reload', '--json', '--control', service.path]).ended).toEqual({
      code: 5,
      stdout: '{"error":{"code":"ERR_ENDLESS_PROBATION","message":"it died"}}\n',
      stderr: '',
    })
  })

  test('no service: 3, and where it was looked for', async () => {
    const { path } = await fakeService(reloads)
    const { code, stderr } = await new Command(['reload', '--control', `${path}.none`]).ended
    expect(code).toBe(3)
    expect(stderr).toContain(`no service answers at ${path}.none`)
  })

  test('a service that ends in the middle: 1', async () => {
    const service = await fakeService(async ({ progress }) => {
      progress({ phase: 'spawned' })
      setImmediate(() => service.kill())
      return new Promise(() => {})
    })
    const { code, stderr } = await new Command(['reload', '--control', service.path]).ended
    expect(code).toBe(1)
    expect(stderr).toMatch(/the service has closed its control socket/)
  })

  test('ended by Ctrl-C, the service hears of it', async () => {
    let aborted: Promise<unknown> = Promise.resolve()
    const service = await fakeService(({ progress, signal }) => {
      aborted = once(signal, 'abort')
      progress({ phase: 'spawned' })
      return new Promise(() => {})
    })
    const command = new Command(['reload', '--control', service.path])
    await command.until('spawned\n')
    command.signal('SIGINT')
    expect((await command.ended).code).toBe('SIGINT')
    await aborted
  })

  test('its exit code is the truth when nobody reads what it says', async () => {
    const service = await fakeService(async ({ progress }) => {
      for (let n = 0; n < 1_000; n++) progress({ phase: 'spawned', text: 'x'.repeat(50) })
      throw new EndlessError('ERR_ENDLESS_PROBATION', 'it died')
    })
    const command = new Command(['reload', '--control', service.path])
    command.stopReading()
    expect((await command.ended).code).toBe(5)
  })
})

describe('colours', () => {
  test('NO_COLOR is heard', async () => {
    const service = await fakeService(reloads)
    const command = new Command(['reload', '--control', service.path], {
      terminal: true,
      env: { NO_COLOR: '1' },
    })
    const { code, stdout } = await command.ended
    expect(code).toBe(0)
    expect(stdout).toContain('reloaded  the new release serves')
    expect(stdout).not.toContain('\u001b')
  })

  test('CI is none', async () => {
    const service = await fakeService(reloads)
    const command = new Command(['reload', '--control', service.path], { env: { CI: 'true' } })
    expect((await command.ended).stdout).not.toContain('\u001b')
  })
})
