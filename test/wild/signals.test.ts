// Libraries that handle signals themselves, beside us.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { load } from '../support/client/index.js'
import { upgradesLoseNothing } from '../support/lossless.js'
import { Service } from '../support/service.js'

const script = join(import.meta.dirname, 'fixtures/others.js')

function start(OTHERS: string, { SKIP = '[]', ...options }: { SKIP?: string } & object = {}) {
  return Service.start({ script, options, env: { FRAMEWORK: 'http', OTHERS, SKIP } })
}

test('async-exit-hook shuts down on HUP: no successor is spawned, and it is said at ready already', async () => {
  await using service = await start('async-exit-hook')
  await service.untilStderr(/an upgrade by SIGHUP is refused: others handle it as well \(/)
  await service.untilStderr(/SIGTERM is handled by others as well/)
  service.signal('SIGHUP')
  await service.untilStderr(/Received SIGHUP\. Upgrade refused: .*sharedSignals: \['SIGHUP'\]/)
  // What it does on HUP without us it does with us.
  await service.exited
  await service.ended
  expect(service.all({ event: 'upgrade' })).toEqual([])
  expect(service.all({ event: 'listen' })).toHaveLength(1)
})

test.each([
  ['close-with-grace, from which HUP is taken over', 'close-with-grace', {}],
  ['close-with-grace that leaves HUP out', 'close-with-grace', { SKIP: '["SIGHUP"]' }],
  ['async-exit-hook without HUP', 'async-exit-hook', { SKIP: '["SIGHUP", "SIGTERM"]' }],
  ['a handler that is said to be harmless', 'reopen', { sharedSignals: ['SIGHUP'] }],
  ['signal-exit, which does nothing beside us', 'signal-exit', {}],
])('%s: upgrades under load lose nothing', async (_, name, options) => {
  await using service = await start(name, options)
  const target = { port: service.port() }
  const loads = [
    load({ target, connections: 8, thinkTime: [0, 20] }),
    load({ target, connections: 2, mode: 'new-connection', thinkTime: [0, 20] }),
  ]
  const stopsItself = name === 'close-with-grace'
  if (!stopsItself) return void (await upgradesLoseNothing(service, loads))
  await Promise.all(loads.map((one) => one.progress(5)))
  await service.upgrade()
  for (const { failed, samples } of await Promise.all(loads.map((one) => one.stop())))
    expect(failed, samples.join('\n')).toBe(0)
  expect(service.stderr).not.toContain('an upgrade by SIGHUP is refused')
})
