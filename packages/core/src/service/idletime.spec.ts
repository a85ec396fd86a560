import { createServer as createHttp } from 'node:http'
import { createServer as createHttp2 } from 'node:http2'
import { createServer as createTcp, type Server } from 'node:net'
import { expect, test } from 'vitest'
import { Generation } from '../generation/index.js'
import { IdleTime } from './idletime.js'

/** What it says, and what it makes of servers. */
function idleTime(loadBalancerIdleTimeout?: number) {
  const generation = new Generation(undefined)
  const said: string[] = []
  const log = (_: object, line: string): number => said.push(line)
  const logger = { debug: log, info: log, warn: log, error: log }
  generation.settings.merge({ loadBalancerIdleTimeout, logger })
  const idle = new IdleTime(generation)
  const timeouts = (server: Server): unknown[] => {
    idle.raise(server)
    idle.look(server)
    return ['keepAliveTimeout', 'headersTimeout', 'requestTimeout'].map((name) =>
      Reflect.get(server, name),
    )
  }
  return { said, timeouts }
}

test('a server outlasts its load balancer, and nothing undercuts that', () => {
  const { said, timeouts } = idleTime(60_000)
  expect(timeouts(createHttp())).toEqual([65_000, 66_000, 300_000])
  expect(said).toEqual([])
})

test('a load balancer that waits for longer than a request may take', () => {
  expect(idleTime(600_000).timeouts(createHttp())).toEqual([605_000, 606_000, 606_000])
})

test('what is longer stays, and what has no limit gets none', () => {
  const { timeouts } = idleTime(60_000)
  expect(timeouts(createHttp({ keepAliveTimeout: 100_000 }))).toEqual([100_000, 101_000, 300_000])
  const endless = { keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0 }
  expect(timeouts(createHttp(endless))).toEqual([0, 0, 0])
  expect(timeouts(createHttp({ keepAliveTimeout: 0 }))).toEqual([0, 66_000, 300_000])
})

test('without the option a server is as it was', () => {
  expect(idleTime().timeouts(createHttp())).toEqual([5_000, 60_000, 300_000])
})

test('a headersTimeout that undercuts is said once, with what to do', () => {
  const { said, timeouts } = idleTime()
  const server = createHttp({ keepAliveTimeout: 70_000 })
  timeouts(server)
  timeouts(server)
  expect(said).toEqual([
    expect.stringMatching(/^headersTimeout \(60000 ms\) undercuts keepAliveTimeout \(70000 ms\): /),
  ])
})

test('whichever of the two is the shorter one is named', () => {
  const { said, timeouts } = idleTime()
  timeouts(createHttp({ keepAliveTimeout: 70_000, headersTimeout: 20_000, requestTimeout: 20_000 }))
  timeouts(createHttp({ keepAliveTimeout: 70_000, headersTimeout: 0, requestTimeout: 9_000 }))
  expect(said.map((line) => line.split(' undercuts')[0])).toEqual([
    'headersTimeout (20000 ms)',
    'requestTimeout (9000 ms)',
  ])
})

test("Fastify's own defaults are nobody's fault", () => {
  const { said, timeouts } = idleTime()
  timeouts(createHttp({ keepAliveTimeout: 72_000 }))
  expect(said).toEqual([])
})

test('servers without these clocks are left alone', () => {
  const { said, timeouts } = idleTime(60_000)
  expect(timeouts(createTcp())).toEqual([undefined, undefined, undefined])
  expect(timeouts(createHttp2())).toEqual([undefined, undefined, undefined])
  expect(said).toEqual([])
})
