import { expect, test } from 'vitest'
import { load, type Mode } from './support/client/index.js'
import { isLong } from './support/long.js'
import { upgradesLoseNothing } from './support/lossless.js'
import { fixture, Service } from './support/service.js'

const upgrades = Number(process.env.UPGRADES ?? (isLong ? 50 : 15))

const modes: readonly (readonly [mode: Mode, connections: number])[] = [
  ['keep-alive', 16],
  ['new-connection', 4],
  ['two-segments', 8],
  ['pipelined', 4],
  ['chunked', 4],
  ['expect-continue', 4],
]

test(`kill -1 ${upgrades} times in a row: every request of every kind is answered`, {
  timeout: 300_000,
}, async () => {
  await using service = await Service.start({ script: fixture('server.js') })
  const target = { port: service.port() }
  const check = (reply: { id: string; body: Buffer }): string | undefined => {
    const { id } = JSON.parse(reply.body.toString()) as { id: string }
    return id === reply.id ? undefined : `an answer to ${id}`
  }
  const loads = [
    ...modes.map(([mode, connections]) =>
      load({ target, mode, connections, thinkTime: [0, 20], check }),
    ),
    load({ target, connections: 4, method: 'GET', url: (n) => `/?ms=${n % 100}`, check }),
    load({
      target,
      connections: 2,
      url: '/?ms=10',
      body: Buffer.alloc(1_000_000),
      thinkTime: [0, 40],
      check,
    }),
  ]
  const generations = await upgradesLoseNothing(service, loads, { times: upgrades, answers: 1 })
  expect(new Set(generations).size).toBe(upgrades + 1)
})
