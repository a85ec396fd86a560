// Apps that know nothing of us, each by its own command: as their docs have them, and `endless start` before.
import { expect, test } from 'vitest'
import { request } from '../support/client/index.js'
import { Fleet } from '../support/fleet.js'
import { fixture } from '../support/service.js'
import {
  reloadsLoseNothing,
  startUnmodified,
  stopAnswersWhatIsInFlight,
} from '../support/unmodified.js'

const apps: [script: string, flags: string[]][] = [
  ['express.js', []],
  ['koa.js', []],
  ['fastify.js', []],
  ['hono.js', []],
  ['http.js', []],
  ['commonjs.cjs', []],
  ['typescript.ts', ['--import', 'tsx']],
]

test.each(apps)(
  'endless start -w 2 %s (%j): three reloads lose nothing, nobody connects again',
  async (script, flags) => {
    await using fleet = await startUnmodified(import.meta.dirname, script, { flags })
    await reloadsLoseNothing(fleet)
    await stopAnswersWhatIsInFlight(fleet)
  },
)

test('options of an app that uses an adapter win over flags, and are in conflict with none', async () => {
  const flags = ['--hammer-time', '7s', '--ready-timeout', '4s']
  const options = JSON.stringify({ hammerTime: 300, slowStart: 0, probation: 0 })
  await using fleet = await Fleet.start({
    script: fixture('server.js'),
    flags,
    env: { OPTIONS: options, FRAMEWORK: 'express', EXPRESS: 'express' },
  })
  const target = { port: fleet.port }
  const hanging = request({ target, method: 'GET', url: '/hang' }).catch(() => 'cut')
  const { pid } = await fleet.service.until({ event: 'request', path: '/hang' })
  await fleet.reload()
  expect(await hanging).toBe('cut')
  const { ms } = await fleet.service.until({ event: 'drain', phase: 'end', pid })
  expect(Number(ms)).toBeLessThan(5_000)
  await fleet.service.until({ event: 'exit', pid, code: 1 })
  // What the app does not set itself is as the flag says.
  fleet.service.control({ import: 'hang' })
  const { code, stderr } = await fleet.run('reload')
  expect([code, stderr]).toEqual([1, expect.stringMatching(/not ready within 4000 ms/)])
  await fleet.stop()
})
