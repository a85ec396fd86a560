import { describe, expect, test } from 'vitest'
import { Command, fakeService } from './support/command.js'

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

  test.each([
    [['stop'], null, { result: null }],
    [['hammer'], { pids: [7] }, { result: { pids: [7] } }],
    [['scale', '3'], { workers: 3 }, { result: { workers: 3 } }],
  ])('endless %s --json: a line for each event, then the result', async (words, result, last) => {
    const service = await fakeService(({ progress }) => {
      progress({ phase: 'draining' })
      return Promise.resolve(result)
    })
    const { code, stdout } = await new Command([...words, '--json', '--control', service.path])
      .ended
    expect(code).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { event: { phase: 'draining' } },
      last,
    ])
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
