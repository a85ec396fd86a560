// A fixed --inspect=PORT: the successor cannot have it while the old generation lives, and gets it then.
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { request } from './support/client/index.js'
import { fixture, Service } from './support/service.js'

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  await new Promise((done) => server.close(done))
  return port
}

test('--inspect=PORT: the successor has it once its predecessor has gone', async () => {
  const port = await freePort()
  const listening = (): RegExp => new RegExp(`Debugger listening on ws://127\\.0\\.0\\.1:${port}/`)
  await using service = await Service.start({
    script: fixture('server.js'),
    execArgv: [`--inspect=${port}`],
    env: { FRAMEWORK: 'http' },
  })
  await service.untilStderr(listening())
  service.stderr = ''
  await service.upgrade()
  await service.untilStderr(listening())
  const target = { port }
  const { body } = await request({ target, method: 'GET', url: '/json/list' })
  expect(body.toString()).toContain('server.js')
  await service.stop()
})
