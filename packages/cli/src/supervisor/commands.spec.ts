import { availableParallelism } from 'node:os'
import { expect, test, vi } from 'vitest'
import { commandsOf } from './commands.js'
import type { Fleet } from './fleet.js'

function fakeFleet() {
  const fleet = {
    state: 'serving',
    release: { name: 'r' },
    slots: [{}, {}],
    living: [{ pid: 7 }],
    ended: Promise.resolve(0),
    reload: vi.fn(async () => {}),
    settled: vi.fn(async () => {}),
    scale: vi.fn(async (count: number) => count),
    hammer: vi.fn(() => [7]),
    stop: vi.fn(),
  }
  const handle = commandsOf('a', fleet as unknown as Fleet)
  return {
    fleet,
    run: (command: string, args?: unknown) =>
      handle(command, args, () => {}, new AbortController().signal),
  }
}

test.each([
  [{ to: 4 }, 4],
  [{ by: 1 }, 3],
  [{ by: -1 }, 1],
  [{ to: 'max' }, availableParallelism()],
])('scale %j', async (args, count) => {
  const { fleet, run } = fakeFleet()
  expect(await run('scale', args)).toEqual({ workers: count })
  expect(fleet.scale).toHaveBeenCalledWith(count)
})

test.each([[{ to: 0 }], [{ by: -2 }], [{ to: 1.5 }], [{ to: 'many' }]])(
  'scale %j is refused',
  async (args) => {
    await expect(fakeFleet().run('scale', args)).rejects.toThrow(/expected 1 worker or more/)
  },
)

test('those that wait are next, each in its turn', async () => {
  const { fleet, run } = fakeFleet()
  fleet.state = 'reloading'
  let busy = 1
  fleet.settled.mockImplementation(async () => {
    if (--busy === 0) fleet.state = 'serving'
  })
  fleet.reload.mockImplementation(async () => {
    // As the real one: it has begun when it returns.
    if (fleet.state === 'reloading') throw new Error('busy')
    fleet.state = 'reloading'
    busy = 1
  })
  await Promise.all([run('reload', { wait: true }), run('reload', { wait: true })])
  expect(fleet.reload).toHaveBeenCalledTimes(2)
})

test('stop says whom it stops; hammer on whom it fell; what it does not know, what there is', async () => {
  const { fleet, run } = fakeFleet()
  expect([await run('stop'), await run('hammer')]).toEqual([{ pids: [7] }, { pids: [7] }])
  expect(fleet.stop).toHaveBeenCalledTimes(1)
  await expect(run('toString')).rejects.toThrow(/reload/)
})
