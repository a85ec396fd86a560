import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { load, request } from './support/client/index.js'
import { bin, Fleet } from './support/fleet.js'
import { fixture, Service } from './support/service.js'

describe('the end', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s to the supervisor, or to a worker, ends all in order',
    async (signal) => {
      for (const which of ['supervisor', 'worker']) {
        await using fleet = await Fleet.start()
        const [worker = -1] = await fleet.pids()
        const late = request({ target: { port: fleet.port }, url: '/late?ms=300' })
        await delay(100)
        fleet.service.signal(signal, which === 'worker' ? worker : fleet.pid)
        expect((await late).status).toBe(200)
        await fleet.service.ended
        expect(await fleet.service.exited).toEqual({ code: 0, signal: null })
      }
    },
  )

  test('of a supervisor that is killed: its workers finish what they have, and the port is free', async () => {
    await using fleet = await Fleet.start()
    const { port } = fleet
    const late = request({ target: { port }, url: '/late?ms=800' })
    await delay(100)
    fleet.service.signal('SIGKILL', fleet.pid)
    expect((await late).status).toBe(200)
    await fleet.service.ended
    expect(fleet.service.all({ event: 'exit' }).map(({ code }) => code)).toEqual([0, 0])
    await using next = await Fleet.start({ env: { PORT: String(port) } })
    expect(next.port).toBe(port)
    await next.stop()
  })

  test('of an app that cannot start is its own', async () => {
    await using fleet = await Fleet.start({ control: { import: 'throw' }, wait: false })
    expect(await fleet.service.exited).toEqual({ code: 1, signal: null })
    expect(fleet.service.stderr).toMatch(/boom at import/)
    await fleet.service.ended
  })
})

test('workers are added and taken away', async () => {
  await using fleet = await Fleet.start({ workers: 1 })
  expect((await fleet.run('scale', '3')).code).toBe(0)
  expect(new Set(await fleet.pids()).size).toBe(3)
  expect((await fleet.run('scale', '-1')).code).toBe(0)
  expect((await fleet.pids()).length).toBe(2)
  expect((await fleet.run('scale', '0')).code).toBe(2)
  const traffic = load({ target: { port: fleet.port }, connections: 4 })
  await traffic.progress(10)
  await fleet.reload()
  expect((await traffic.stop()).failed).toBe(0)
  await fleet.stop()
})

test('a second supervisor of the same name is refused, and the first serves on', async () => {
  await using fleet = await Fleet.start()
  await using second = await Service.start({
    script: bin,
    args: ['start', '--control', fleet.control, fixture('fleet.js')],
    wait: false,
  })
  expect((await second.exited).code).toBe(1)
  expect(second.stderr).toMatch(/answers there|lives|already/)
  expect((await request({ target: { port: fleet.port } })).status).toBe(200)
  await fleet.stop()
})
