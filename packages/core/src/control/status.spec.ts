import { expect, test } from 'vitest'
import { thrownBy } from '../node/specs/thrown.js'
import { readHammered, readProgress, readScaled } from './commands.js'
import { readStatus, type ServiceStatus } from './status.js'

const status: ServiceStatus = {
  name: 'shop',
  pid: 10,
  release: '/srv/shop/releases/41',
  uptime: 5_000,
  state: 'ready',
  workers: [
    {
      slot: 0,
      generation: 2,
      pid: 11,
      release: '41',
      state: 'ready',
      uptime: 400,
      connections: 3,
      inFlight: 1,
      rss: 50_000_000,
      delay: 1.5,
      restarts: 0,
      draining: [
        { pid: 9, generation: 1, age: 100, hammerIn: 900, holds: ['GET /slow'] },
        { pid: 8, generation: 0, age: 200, hammerIn: false, holds: [] },
      ],
    },
    { slot: 1, state: 'waiting', draining: [] },
  ],
  totals: {
    upgrades: { succeeded: 2, failed: 1 },
    connections: { moved: 30, drained: 2, cut: 0 },
  },
}

test('a status comes through the socket as it was', () => {
  expect(readStatus(JSON.parse(JSON.stringify(status)))).toEqual(status)
  expect(readStatus({ ...status, more: 1 })).toEqual(status)
})

test.each([
  ['nothing', null, /name: expected a text from the service, got undefined/],
  ['no name', { ...status, name: 7 }, /name: expected a text from the service, got 7/],
  [
    'a total that is none',
    { ...status, totals: { upgrades: {}, connections: {} } },
    /succeeded: expected a number/,
  ],
  ['no workers', { ...status, workers: {} }, /workers: expected a list .* got \{\}/],
  ['a worker that is none', { ...status, workers: [1] }, /slot: expected a number/],
  [
    'a generation that is none',
    { ...status, workers: [{ slot: 0, state: 'ready', generation: 'x', draining: [] }] },
    /generation: expected a number .* got "x"/,
  ],
  [
    'a hold that is none',
    {
      ...status,
      workers: [
        {
          slot: 0,
          state: 'ready',
          draining: [{ pid: 1, generation: 1, age: 1, hammerIn: 1, holds: [{}] }],
        },
      ],
    },
    /holds: expected a text/,
  ],
])('%s is refused', (_, value, message) => {
  expect(thrownBy(() => readStatus(value))).toMatchObject({
    code: 'ERR_ENDLESS_CONTROL',
    message: expect.stringMatching(message),
  })
})

test('the answers to scale and hammer', () => {
  expect(readScaled({ workers: 3, more: 1 })).toEqual({ workers: 3 })
  expect(readHammered({ pids: [1, 2] })).toEqual({ pids: [1, 2] })
  for (const read of [() => readScaled({}), () => readHammered({ pids: ['1'] })])
    expect(thrownBy(read)).toMatchObject({ code: 'ERR_ENDLESS_CONTROL' })
})

test('an event is read as far as it can be', () => {
  expect(readProgress({ phase: 'ready', pid: 7, slot: 'x', text: 't' })).toEqual({
    phase: 'ready',
    pid: 7,
    text: 't',
  })
  expect(readProgress({ pid: 7 })).toBeUndefined()
})
