// The app sees a process as it is without us: what its parent gave it, and nothing of what generations
// say to each other.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { load } from '../support/client/index.js'
import { upgrades, upgradesLoseNothing } from '../support/lossless.js'
import { Service, type ServiceEvent } from '../support/service.js'

const script = join(import.meta.dirname, 'fixtures/ipc.js')
const env = { FRAMEWORK: 'http' }

test('a successor looks as its predecessor does: no channel, no message, no disconnect', async () => {
  await using service = await Service.start({ script, env })
  const running = load({ target: { port: service.port() }, connections: 8, thinkTime: [0, 20] })
  await upgradesLoseNothing(service, [running])
  const seen = service.all({ event: 'process' }).map(({ pid, ...rest }) => rest)
  expect(seen).toEqual(Array(upgrades + 1).fill(seen[0]))
  expect(seen[0]).toMatchObject({ send: 'undefined', connected: 'undefined', channel: 'undefined' })
  expect(service.all({ event: 'message' })).toEqual([])
})

test('an app that was forked keeps its channel; an upgrade is refused: its parent waits for it', async () => {
  const child = fork(script, {
    env: { ...process.env, ...env, NODE_OPTIONS: '', OPTIONS: '{}' },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let stderr = ''
  child.stderr?.on('data', (text) => (stderr += text))
  const events: ServiceEvent[] = []
  const ready = new Promise<void>((done) => {
    createInterface({ input: child.stdout as NonNullable<typeof child.stdout> }).on(
      'line',
      (line) => {
        const event = JSON.parse(line) as ServiceEvent
        events.push(event)
        if (event.event === 'state' && event.to === 'ready') done()
      },
    )
  })
  await ready
  expect(events).toContainEqual(expect.objectContaining({ event: 'process', send: 'function' }))
  const answer = once(child, 'message')
  child.send({ hello: 1 })
  expect((await answer)[0]).toEqual({ echo: { hello: 1 } })
  child.kill('SIGHUP')
  await expect
    .poll(() => stderr)
    .toMatch(/Upgrade refused: .*forked by .* with an IPC channel, which a successor cannot have/)
  expect(events.some(({ event }) => event === 'upgrade')).toBe(false)
  child.kill('SIGTERM')
  expect(await once(child, 'close')).toEqual([0, null])
})
