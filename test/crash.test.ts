import { describe, expect, test } from 'vitest'
import { directory } from './support/auto.js'
import { type Reply, request } from './support/client/index.js'
import { Fleet } from './support/fleet.js'
import { fixture, Service } from './support/service.js'

/** A service that hands over when something throws: an app alone, or a worker of a fleet. */
interface Kind {
  readonly service: Service
  stop(): Promise<void>
}

async function alone(): Promise<Kind & AsyncDisposable> {
  const service = await Service.start({
    script: fixture('fleet.js'),
    cwd: directory,
    execArgv: ['--import', '@endlessjs/core/auto'],
    env: { ENDLESS_OPTIONS: '{"onCrash":"handover","probation":0,"slowStart":0}' },
  })
  return {
    service,
    stop: () => service.stop(),
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  }
}

async function inFleet(): Promise<Kind & AsyncDisposable> {
  const fleet = await Fleet.start({ workers: 1, flags: ['--on-crash', 'handover'] })
  return {
    service: fleet.service,
    stop: () => fleet.stop(),
    [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose](),
  }
}

/** Many that take a while, and the moment in which all of them are there. */
async function inFlight(port: number, count: number): Promise<Promise<Reply>[]> {
  const target = { port }
  const replies = Array.from({ length: count }, () => request({ target, url: '/late?ms=1000' }))
  // Awaited later.
  for (const one of replies) one.catch(() => {})
  // Behind them all, on a connection of its own.
  await request({ target, url: '/late?ms=50' })
  return replies
}

describe.each([
  ['an app alone', alone],
  ['a worker of a fleet', inFleet],
])('%s', (_, start) => {
  test.each(['/throw', '/reject', '/throw-later'])(
    '%s costs the request that threw, and no other',
    async (url) => {
      await using kind = await start()
      const { service } = kind
      const [target, old] = [{ port: service.port() }, service.current]
      const replies = await inFlight(service.port(), 40)
      await expect(request({ target, url })).rejects.toMatchObject({ reply: { status: 500 } })
      for (const { status } of await Promise.all(replies)) expect(status).toBe(200)
      expect(await service.until({ event: 'exit', pid: old })).toMatchObject({ code: 1 })
      expect(service.stderr).toMatch(/Uncaught .*Error.*boom/)
      expect((await request({ target })).status).toBe(200)
      await kind.stop()
    },
  )

  test('in the midst of a response, that ends', async () => {
    await using kind = await start()
    const { service } = kind
    const [target, old] = [{ port: service.port() }, service.current]
    await expect(request({ target, url: '/throw-in-the-midst' })).rejects.toThrow(/cut|reset/)
    expect(await service.until({ event: 'exit', pid: old })).toMatchObject({ code: 1 })
    expect((await request({ target })).status).toBe(200)
    await kind.stop()
  })
})

test('where no successor can be, the end is what it was without us', async () => {
  await using kind = await alone()
  kind.service.control({ import: 'throw' })
  const target = { port: kind.service.port() }
  await request({ target, url: '/throw' }).catch(() => {})
  expect((await kind.service.exited).code).toBe(1)
  expect(kind.service.stderr).toMatch(/No successor takes over/)
})

test('a fleet that crashes again and again does not hand over for ever', async () => {
  await using fleet = await Fleet.start({
    workers: 1,
    flags: ['--on-crash', 'handover', '--max-restarts', '3'],
  })
  const target = { port: fleet.port }
  let isOver = false
  void fleet.service.exited.then(() => {
    isOver = true
  })
  while (!isOver) await request({ target, url: '/throw', timeout: 5_000 }).catch(() => {})
  expect(await fleet.service.exited).toEqual({ code: 1, signal: null })
  expect(fleet.service.stderr).toMatch(/Crashed more than 3 times in a row/)
})
