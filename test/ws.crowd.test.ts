// A thousand WebSockets over twenty upgrades: by `npm run test:long`.
import { expect, test } from 'vitest'
import { fixture, Service } from './support/service.js'
import { WebSocketClient } from './support/websockets.js'

const script = fixture('websockets.js')
const upgrades = 20

test('1,000 clients, half of them deflated, over 20 upgrades: none is closed, nothing is lost, doubled or out of order', async () => {
  const control = { deflate: { threshold: 0 }, every: 1_000 }
  await using service = await Service.start({ script, args: ['http'], control })
  const clients: WebSocketClient[] = []
  for (let n = 0; n < 1_000; n++)
    clients.push(
      await WebSocketClient.connect(service.port(), `n${n}`, {
        deflate: n % 2 === 0,
        pause: () => 500 + n,
        ms: (said) => (n % 10 === 0 ? said % 50 : 0),
        bytes: n % 100 === 0 ? 5_000 : n % 100,
      }),
    )
  for (const client of clients) client.talk()
  for (let n = 0; n < upgrades; n++) {
    const successor = await service.upgrade()
    await expect
      .poll(() => clients.every(({ pids }) => pids.at(-1) === successor), { timeout: 30_000 })
      .toBe(true)
  }
  const faults = await Promise.all(clients.map((client) => client.stop()))
  expect(faults.flat()).toEqual([])
  const drains = service.all({ event: 'drain', phase: 'end' })
  expect(drains.map(({ moved, drained, cut }) => ({ moved, drained, cut }))).toEqual(
    Array(upgrades).fill({ moved: 1_000, drained: 0, cut: 0 }),
  )
  expect(service.all({ event: 'stranger' })).toEqual([])
  for (const client of clients) client.end()
  await service.stop()
}, 180_000)
