import { once } from 'node:events'
import { EndlessError, type ErrorCode, type ServiceStatus } from '@endlessjs/core/control'
import { describe, expect, test } from 'vitest'
import { type Asked, Command, fakeService } from './support/command.js'

const status: ServiceStatus = {
  name: 'shop',
  pid: 4_700,
  release: '/srv/shop/releases/41',
  uptime: 7_800_000,
  state: 'ready',
  workers: [
    {
      slot: 0,
      generation: 3,
      pid: 4_712,
      release: '41',
      state: 'ready',
      rss: 89_443_532,
      draining: [
        { pid: 4_690, generation: 2, age: 12_000, hammerIn: 48_000, holds: ['GET /slow'] },
      ],
    },
  ],
}

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

describe('endless status', () => {
  test('a table, and who holds a drain', async () => {
    const service = await fakeService(() => Promise.resolve(status))
    const { code, stdout } = await new Command(['status', '--control', service.path]).ended
    expect(code).toBe(0)
    expect(stdout).toMatch(/^shop {2}ready {2}pid 4700 /)
    expect(stdout).toMatch(/^slot +generation +pid .*\n0 +3 +4712 +41 +ready .* 85\.3 MB/m)
    expect(stdout).toMatch(
      /^draining {2}slot 0, generation 2, pid 4690, .*: held by GET \/slow\n$/m,
    )
    expect(stdout).not.toContain('\u001b')
  })

  test('--json: what the service said', async () => {
    const service = await fakeService(() => Promise.resolve(status))
    const { code, stdout } = await new Command(['status', '--json', '--control', service.path])
      .ended
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual(status)
    expect(stdout.split('\n')).toHaveLength(2)
  })

  test('of a release that says something else: 1', async () => {
    const service = await fakeService(() => Promise.resolve({ up: true }))
    const { code, stderr } = await new Command(['status', '--control', service.path]).ended
    expect(code).toBe(1)
    expect(stderr).toMatch(/name: expected a text from the service, got undefined/)
  })

  test.each<[string, string[]]>([
    ['as a table', []],
    ['as JSON', ['--json']],
  ])('--watch, %s: again and again, until Ctrl-C', async (_, options) => {
    let uptime = 0
    const service = await fakeService(() => {
      uptime += 1_000
      return Promise.resolve({ ...status, uptime })
    })
    const command = new Command(['status', '--watch', ...options, '--control', service.path])
    await command.until(options.length > 0 ? '"uptime":2000' : 'up 2 s')
    command.signal('SIGINT')
    const { code, stdout } = await command.ended
    expect(code).toBe(0)
    expect(stdout).not.toContain('\u001b')
    if (options.length > 0) {
      const lines = stdout.trimEnd().split('\n')
      expect(lines.map((line) => JSON.parse(line).uptime).slice(0, 2)).toEqual([1_000, 2_000])
    }
  })

  test('--watch ends with the service: 3', async () => {
    const service = await fakeService(() => Promise.resolve(status))
    const command = new Command(['status', '--watch', '--control', service.path])
    await command.until('held by')
    await service.kill()
    expect((await command.ended).code).toBe(3)
  })

  test('--watch ends when nobody reads', async () => {
    const service = await fakeService(() => Promise.resolve(status))
    const command = new Command(['status', '--watch', '--control', service.path])
    await command.until('held by')
    command.stopReading()
    expect((await command.ended).code).toBe(0)
  })
})

describe('on a terminal', () => {
  test('colours, and the status in place, never longer than the screen', async () => {
    const drains = Array.from({ length: 40 }, (_, n) => ({
      pid: n,
      generation: n,
      age: 1,
      hammerIn: 1,
      holds: [],
    }))
    const [worker] = status.workers
    const long = { ...status, workers: worker ? [{ ...worker, draining: drains }] : [] }
    const service = await fakeService(() => Promise.resolve(long))
    const command = new Command(['status', '--watch', '--control', service.path], {
      terminal: true,
    })
    await command.until('lines more')
    await command.until('\u001b[J')
    command.type('\u0003')
    const { code, stdout } = await command.ended
    expect(code).toBe(0)
    expect(stdout).toContain('\u001b[32mready\u001b[39m')
    const first = stdout.slice(0, stdout.indexOf('\u001b[J'))
    expect(first.startsWith('\u001b[2J\u001b[H')).toBe(true)
    expect(first.split('\n')).toHaveLength(24)
  })

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

describe('the others', () => {
  test.each([
    [['scale', '4'], { to: 4 }],
    [['scale', '+2'], { by: 2 }],
    [['scale', '-1'], { by: -1 }],
    [['scale', 'max'], { to: 'max' }],
  ])('endless %s', async (words, args) => {
    const service = await fakeService(() => Promise.resolve({ workers: 3 }))
    expect(await new Command([...words, '--control', service.path]).ended).toEqual({
      code: 0,
      stdout: 'scaled  3 workers\n',
      stderr: '',
    })
    expect(service.asked).toEqual([{ command: 'scale', args }])
  })

  test.each([
    ['stop', null, 'stopped\n'],
    ['hammer', { pids: [7, 8] }, 'hammered  it fell on pid 7, pid 8\n'],
    ['hammer', { pids: [] }, 'hammered  nothing drains\n'],
  ])('endless %s', async (command, result, stdout) => {
    const service = await fakeService(() => Promise.resolve(result))
    expect(await new Command([command, '--control', service.path]).ended).toEqual({
      code: 0,
      stdout,
      stderr: '',
    })
    expect(service.asked).toEqual([{ command, args: undefined }])
  })

  test('by name, as the service is found without one in its directory', async () => {
    const service = await fakeService(() => Promise.resolve(null), 'shop')
    const named = new Command(['stop', '--name', 'shop'], {
      env: { XDG_RUNTIME_DIR: service.runtime },
    })
    expect((await named.ended).code).toBe(0)
    const inside = new Command(['stop'], {
      env: { XDG_RUNTIME_DIR: service.runtime },
      cwd: service.directoryOf('shop'),
    })
    expect((await inside.ended).code).toBe(0)
    expect(service.asked).toHaveLength(2)
  })
})

describe('wrong usage: 2', () => {
  test.each([
    [[], /Usage: endless/],
    [['dance'], /unknown command 'dance'/],
    [['relaod'], /Did you mean reload\?/],
    [['reload', '--bogus'], /unknown option '--bogus'/],
    [['reload', 'now'], /too many arguments/],
    [['reload', '--name', ''], /--name <name>' argument '' is invalid/],
    [['status', '--control='], /expected a text, got an empty one/],
    [['scale'], /missing required argument/],
    [['scale', '0'], /expected a number of workers \(4, \+1, -1\) or max, got 0/],
    [['scale', '1.5'], /expected a number of workers/],
    [['start'], /missing required argument 'script'/],
  ])('endless %j', async (words, message) => {
    const { code, stdout, stderr } = await new Command(words).ended
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(message)
  })
})

test.each([['--help'], ['reload --help'], ['help reload']])(
  'endless %s: examples and exit codes',
  async (words) => {
    const { code, stdout, stderr } = await new Command(words.split(' ')).ended
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/Examples:\n {2}endless/)
    expect(stdout).toMatch(/ 5 {2}rolled back on probation/)
  },
)

test('endless --version', async () => {
  expect(await new Command(['--version']).ended).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  })
})
