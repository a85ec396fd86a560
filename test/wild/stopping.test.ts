// Libraries that stop an app at TERM by themselves: what becomes of a request in flight, and what to do.
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { load, request } from '../support/client/index.js'
import { upgrades } from '../support/lossless.js'
import { Service } from '../support/service.js'

const script = join(import.meta.dirname, 'fixtures/stopping.js')

function start(OTHERS: string, WAY: 'theirs' | 'ours'): Promise<Service> {
  return Service.start({ script, env: { FRAMEWORK: 'http', OTHERS, WAY } })
}

/** TERM while a request is in flight that takes longer than any of them waits. */
async function stopWhileBusy(service: Service): Promise<string> {
  const pid = service.current
  const since = service.mark()
  const url = '/slow?from=drain&ms=1300'
  const answer = request({ target: { port: service.port() }, method: 'GET', url }).then(
    ({ status }) => `answered with ${status}`,
    ({ kind }) => kind,
  )
  await service.until({ event: 'request', pid }, since)
  service.signal('SIGTERM', pid)
  const outcome = await answer
  await service.ended
  return outcome
}

/** Nobody notices an upgrade: nothing fails, and no client connects again. */
async function upgradesUnderLoad(service: Service): Promise<void> {
  const one = load({ target: { port: service.port() }, connections: 4, thinkTime: [0, 50] })
  for (let n = 0; n < upgrades; n++) {
    await one.progress(4)
    await service.upgrade()
  }
  const { failed, reconnects, samples } = await one.stop()
  expect(failed, samples.join('\n')).toBe(0)
  expect(reconnects).toBe(0)
}

// They wait for nobody, each in an own process.
describe.concurrent('at TERM', () => {
  const libraries = [
    'http-terminator',
    'stoppable',
    '@godaddy/terminus',
    'opentelemetry',
    'async-exit-hook',
    'close-with-grace',
  ]

  test.each(libraries)(
    '%s cuts what takes longer than it waits, and it is said at ready',
    async (name) => {
      await using service = await start(name, 'theirs')
      await service.untilStderr(/SIGTERM is handled by others as well \(/)
      // It takes HUP as well: signals.test.ts.
      if (name !== 'async-exit-hook') await upgradesUnderLoad(service)
      expect(await stopWhileBusy(service)).toBe('reset')
    },
  )

  test.each(libraries)(
    '%s, its work in onExit: requests in flight are answered, then it is done',
    async (name) => {
      await using service = await start(name, 'ours')
      const { pid } = service
      await upgradesUnderLoad(service)
      expect(await stopWhileBusy(service)).toBe('answered with 200')
      const order = service.events.filter(
        ({ event, phase }) => event === 'cleaned' || event === 'exit' || phase === 'end',
      )
      for (const one of [pid, service.current])
        expect(order.filter((event) => event.pid === one).map(({ event }) => event)).toEqual([
          'drain',
          'cleaned',
          'exit',
        ])
      expect(service.stderr).not.toContain('by others as well')
    },
  )

  test.each(['http-terminator', 'stoppable', '@godaddy/terminus'])(
    '%s has its time after the last request, as without us',
    async (name) => {
      await using service = await start(name, 'theirs')
      const target = { port: service.port() }
      const answer = request({ target, method: 'GET', url: '/slow?from=drain&ms=300' })
      await service.until({ event: 'request' })
      service.signal('SIGTERM')
      expect((await answer).status).toBe(200)
      await service.until({ event: 'cleaned' })
      expect(await service.exited).toEqual({ code: 0, signal: null })
    },
  )
})
