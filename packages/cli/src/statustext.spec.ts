import { stripVTControlCharacters } from 'node:util'
import type { ServiceStatus } from '@endlessjs/core/control'
import picocolors from 'picocolors'
import { expect, test } from 'vitest'
import { statusText } from './statustext.js'

const none = picocolors.createColors(false)
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
      uptime: 12_000,
      connections: 120,
      inFlight: 3,
      rss: 89_443_532,
      delay: 1.234,
      restarts: 0,
      draining: [
        {
          pid: 4_690,
          generation: 2,
          age: 12_000,
          hammerIn: 48_000,
          holds: ['GET /slow', 'GET /sse'],
        },
        { pid: 4_680, generation: 1, age: 90_000, hammerIn: false, holds: [] },
      ],
    },
    { slot: 1, state: 'crashed', draining: [] },
  ],
}

test('a table, and beneath it who holds a drain', () => {
  expect(statusText(status, none)).toBe(
    `
shop  ready  pid 4700  release /srv/shop/releases/41  up 2 h 10 m

slot  generation  pid   release  state    up    connections  in flight  rss      loop delay  restarts
0     3           4712  41       ready    12 s  120          3          85.3 MB  1.2 ms      0
1     -           -     -        crashed  -     -            -          -        -           -

draining  slot 0, generation 2, pid 4690, for 12 s, hammer in 48 s: held by GET /slow, GET /sse
draining  slot 0, generation 1, pid 4680, for 1 m 30 s, no hammer: held by nobody
`.trim(),
  )
})

test('without drains and without workers it says no more', () => {
  const text = statusText({ ...status, workers: [] }, none)
  expect(text).not.toContain('draining')
  expect(text.split('\n')).toHaveLength(3)
})

test('with colours the columns stay where they are', () => {
  const coloured = statusText(status, picocolors.createColors(true))
  expect(coloured).toContain('\u001b[32mready\u001b[39m')
  expect(coloured).toContain('\u001b[31mcrashed\u001b[39m')
  expect(stripVTControlCharacters(coloured).replace(/ +$/gm, '')).toBe(statusText(status, none))
})

test('what a client asked for moves no cursor', () => {
  const [worker] = status.workers
  const drain = { pid: 1, generation: 1, age: 1, hammerIn: 1, holds: ['GET /\u001b[2J\n\u009b'] }
  const text = statusText(
    { ...status, workers: [{ slot: 0, state: 'ready', ...worker, draining: [drain] }] },
    none,
  )
  expect(text).toContain('held by GET /?[2J??')
})
