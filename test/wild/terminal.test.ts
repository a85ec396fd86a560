// A service that was started in a terminal: a HUP that comes because that is gone is no deploy.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { load, request } from '../support/client/index.js'
import { fixture, Service, temporaryDirectory } from '../support/service.js'

const env = { FRAMEWORK: 'http' }
const python = ['python3', join(import.meta.dirname, '../support/terminal.py')]

/** @param shell what the terminal runs; the service is its "$@" */
function start(...shell: readonly string[]): Promise<Service> {
  return Service.start({ script: fixture('server.js'), wrapper: [...python, ...shell], env })
}

/** A shell that stays, as one does in which one types. */
function shellOf(text: string): string[] {
  const directory = temporaryDirectory()
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'shell')
  writeFileSync(path, text)
  return ['bash', path]
}

test('kill -1 deploys; a hang-up ends the service, in order', async () => {
  await using service = await start(...shellOf('"$@"\nexec sleep 60\n'))
  const target = { port: service.port() }
  const running = load({ target, connections: 4, thinkTime: [0, 20] })
  await running.progress(10)
  expect(await service.hup()).toMatchObject({ phase: 'ready' })
  await running.progress(10)
  const { failed, samples } = await running.stop()
  expect(failed, samples.join('\n')).toBe(0)
  const slow = request({ target, method: 'GET', url: '/slow?from=drain&ms=300' })
  await service.until({ event: 'request', path: '/slow' })
  const since = service.mark()
  service.signal('SIGUSR1', service.pid)
  await service.untilStderr(/Received SIGHUP\. The terminal is gone: no upgrade, but the end/)
  expect((await slow).status).toBe(200)
  await service.ended
  expect(service.all({ event: 'upgrade' }, since)).toEqual([])
})

test('under nohup a hang-up is nothing, and kill -1 still deploys', async () => {
  // The shell passes the hang-up on to its job, as an interactive one does.
  const shell = shellOf('hup() { kill -HUP $!; }\nnohup "$@" &\ntrap hup HUP\nwait\nwait\n')
  await using service = await start(...shell)
  service.signal('SIGUSR1', service.pid)
  await service.untilStderr(/Received SIGHUP\. The terminal is gone: ignored, as nohup asks/)
  expect(service.all({ event: 'upgrade' })).toEqual([])
  expect(await service.hup()).toMatchObject({ phase: 'ready' })
  await service.stop()
})

test.each<[string, string[], string]>([
  ['the service itself', [], 'this process itself'],
  ['a shell that ends with it', ['sh', '-c', '"$0" "$@"; true'], 'sh -c'],
])('the session of the terminal is led by %s: an upgrade is refused', async (_, shell, leader) => {
  await using service = await start(...shell)
  const why = `the session of this terminal is led by ${leader}`
  await service.untilStderr(new RegExp(`Upgrades will be refused: ${why}`))
  process.kill(Number(service.all({ event: 'listen' })[0]?.pid), 'SIGHUP')
  await service.untilStderr(new RegExp(`Upgrade refused: ${why}`))
  await service.stop()
})
