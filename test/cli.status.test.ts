import type { ServiceStatus } from '@endlessjs/core/control'
import { describe, expect, test } from 'vitest'
import { Command, fakeService } from './support/command.js'

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
})
