import { describe, expect, test } from 'vitest'
import { type LoadOptions, load } from './support/client/index.js'
import { upgrades } from './support/lossless.js'
import { fixture, Service } from './support/service.js'

const connections = 200

type Traffic = Omit<LoadOptions, 'target' | 'connections'>

const traffics: readonly (readonly [name: string, traffic: Traffic])[] = [
  ['keep-alive with think time', { thinkTime: [0, 50] }],
  ['keep-alive without think time', {}],
  ['requests in two segments, cut anywhere', { mode: 'two-segments' }],
  ['4 pipelined', { mode: 'pipelined' }],
  ['chunked bodies', { mode: 'chunked' }],
  ['Expect: 100-continue', { mode: 'expect-continue' }],
  ['handlers of 0 to 50 ms', { url: (n) => `/?ms=${n % 51}` }],
  ['bodies of 1 MiB', { body: Buffer.alloc(2 ** 20), thinkTime: [0, 1_000] }],
]

describe.each(traffics)('%s', (_, traffic) => {
  test(`${connections} connections, one upgrade after the other: none fails, none is new`, {
    timeout: 120_000,
  }, async () => {
    // Longer than a client thinks, however late it is on a busy machine: else Node ends its connection.
    const env = { KEEP_ALIVE: '30000' }
    await using service = await Service.start({ script: fixture('server.js'), env })
    const served = new Set<number>()
    const running = load({
      ...traffic,
      onReply: ({ connection }) => void served.add(connection),
      target: { port: service.port() },
      connections,
      together: true,
      check: ({ id, body }) => {
        const { id: answered } = JSON.parse(body.toString()) as { id: string }
        return answered === id ? undefined : `an answer to ${answered}`
      },
    })
    while (served.size < connections) await running.progress(1)
    for (let n = 0; n < upgrades; n++) {
      await service.upgrade()
      await running.progress(connections)
    }
    const report = await running.stop()
    expect(report.failed, report.samples.join('\n')).toBe(0)
    expect(report.ok).toBe(report.sent)
    expect(report.connections).toBe(connections)
    expect(report.reconnects).toBe(0)
    const ends = service.all({ event: 'drain', phase: 'end' })
    expect(ends.map(({ moved, drained, cut }) => ({ moved, drained, cut }))).toEqual(
      Array(upgrades).fill({ moved: connections, drained: 0, cut: 0 }),
    )
    await service.stop()
  })
})
