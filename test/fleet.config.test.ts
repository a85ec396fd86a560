// `endless start` by a configuration file: what the supervisor makes of it, and what its workers do.
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ControlClient, readStatus, type ServiceStatus } from '@endlessjs/core/control'
import { expect, onTestFinished, test } from 'vitest'
import { Command } from './support/command.js'
import { bin } from './support/fleet.js'
import { fixture, Service, temporaryDirectory } from './support/service.js'

const script = fixture('fleet.js')

/** Says a line of JSON when it runs, as the fixtures do. */
const say = `(name) => writeSync(1, JSON.stringify({ event: 'hook', pid: process.pid, name, ...extra }) + '\\n')`

/** A module with hooks that say which release they are of. */
function moduleOf(release: string, more: object = {}): string {
  return `
    import { writeSync } from 'node:fs'
    const extra = { release: ${JSON.stringify(release)}, mark: process.env.MARK }
    const say = ${say}
    export default {
      ...${JSON.stringify({ script, probation: 0, env: { MARK: 'of the file' }, ...more })},
      beforeBegin: () => say('beforeBegin'),
      beforeReady: () => say('beforeReady'),
      onDrain: (reason) => say('onDrain ' + reason),
      onExit: () => say('onExit'),
      hooks: { pre: { SIGUSR1: () => say('USR1') } },
    }`
}

/** @returns a directory of the test's own */
function place(): string {
  const directory = temporaryDirectory()
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

interface Started {
  readonly service: Service
  readonly control: string
}

async function start(cwd: string, flags: readonly string[] = [], wait = true): Promise<Started> {
  const control = join(place(), 'a.sock')
  const service = await Service.start({
    script: bin,
    args: ['start', '--control', control, ...flags],
    cwd,
    wait: false,
    env: { ENDLESS_OPTIONS: '{"slowStart":0}' },
  })
  if (wait) await service.untilStderr(/ serves: \d+ workers/)
  return { service, control }
}

async function status(control: string): Promise<ServiceStatus> {
  const client = await ControlClient.connect(control)
  try {
    return readStatus(await client.request('status'))
  } finally {
    client.close()
  }
}

async function end(service: Service): Promise<void> {
  service.signal('SIGTERM', service.pid)
  await service.ended
  expect(await service.exited).toEqual({ code: 0, signal: null })
}

test('no argument is needed; the workers have its env and its hooks', async () => {
  const cwd = place()
  writeFileSync(join(cwd, 'endless.config.mjs'), moduleOf('41', { workers: 2 }))
  const { service, control } = await start(cwd)
  await using _ = service
  const { workers } = await status(control)
  expect(workers).toHaveLength(2)
  for (const { pid } of workers)
    for (const name of ['beforeBegin', 'beforeReady'])
      expect(service.all({ event: 'hook', pid, name, mark: 'of the file' })).toHaveLength(1)
  const pid = workers[0]?.pid ?? -1
  service.signal('SIGUSR1', pid)
  await service.until({ event: 'hook', pid, name: 'USR1' })
  await end(service)
  for (const worker of workers)
    for (const name of ['onDrain shutdown', 'onExit'])
      expect(service.all({ event: 'hook', pid: worker.pid, name })).toHaveLength(1)
})

test('the command line wins', async () => {
  const cwd = place()
  writeFileSync(join(cwd, 'endless.config.mjs'), moduleOf('41', { workers: 2 }))
  const { service, control } = await start(cwd, ['-w', '1'])
  await using _ = service
  expect((await status(control)).workers).toHaveLength(1)
  await end(service)
})

test('each release has its own hooks, where its directory is reached by a link', async () => {
  const home = place()
  const current = join(home, 'current')
  const release = (name: string): void => {
    mkdirSync(join(home, name))
    writeFileSync(join(home, name, 'endless.config.mjs'), moduleOf(name))
    rmSync(current, { force: true })
    symlinkSync(name, current)
  }
  release('41')
  const { service, control } = await start(current)
  await using _ = service
  const [old] = (await status(control)).workers
  release('42')
  const { code, stderr } = await new Command(['reload', '--control', control]).ended
  expect(code, stderr).toBe(0)
  const [now] = (await status(control)).workers
  expect(service.all({ event: 'hook', name: 'beforeReady' })).toMatchObject([
    { pid: old?.pid, release: '41' },
    { pid: now?.pid, release: '42' },
  ])
  await end(service)
})

test('hooks that throw fail a reload, and the old release serves', async () => {
  const cwd = place()
  const file = join(cwd, 'endless.config.cjs')
  const base = JSON.stringify({ script, probation: 0 })
  writeFileSync(file, `module.exports = ${base}`)
  const { service, control } = await start(cwd)
  await using _ = service
  const before = await status(control)
  writeFileSync(
    file,
    `module.exports = { ...${base}, beforeReady() { throw new Error('no database') } }`,
  )
  const failed = await new Command(['reload', '--control', control]).ended
  expect(failed.code).toBe(1)
  expect(failed.stderr).toMatch(/no database/)
  // Nor does a file that nobody can use let a release serve without its hooks.
  writeFileSync(file, `module.exports = { ...${base}, beforeReady: 'later' }`)
  const refused = await new Command(['reload', '--control', control]).ended
  expect(refused.code).toBe(1)
  expect(refused.stderr).toMatch(/endless\.config\.cjs.*beforeReady/)
  expect((await status(control)).workers[0]?.pid).toBe(before.workers[0]?.pid)
  await end(service)
})

test('--wait-ready: a worker serves when it says so', async () => {
  const cwd = place()
  writeFileSync(
    join(cwd, 'server.js'),
    `const { existsSync } = require('node:fs')
     const server = require('node:http').createServer((_, response) => response.end())
     server.listen(0, () => {
       console.error('listens, and is not ready')
       const timer = setInterval(() => {
         if (!existsSync('go')) return
         clearInterval(timer)
         process.send('ready')
       }, 10)
     })`,
  )
  const { service } = await start(cwd, ['--wait-ready', '--probation', '0', 'server.js'], false)
  await using _ = service
  await service.untilStderr(/listens, and is not ready/)
  expect(service.stderr).not.toMatch(/serves/)
  writeFileSync(join(cwd, 'go'), '')
  await service.untilStderr(/ serves: 1 workers/)
  await end(service)
})

test('what it says wrong is wrong usage, and nothing is started', async () => {
  const cwd = place()
  const control = join(cwd, 'a.sock')
  writeFileSync(join(cwd, 'endless.config.json'), JSON.stringify({ script, wokers: 2 }))
  const { code, stderr } = await new Command(['start', '--control', control], { cwd }).ended
  expect(code).toBe(2)
  expect(stderr).toMatch(/endless\.config\.json: wokers: expected one of the keys/)
  expect(existsSync(control)).toBe(false)
})

test('an app with a control socket of its own leaves it to its supervisor', async () => {
  const cwd = place()
  const own = join(cwd, 'own.sock')
  const env = { OPTIONS: JSON.stringify({ controlSocket: own }) }
  writeFileSync(
    join(cwd, 'endless.config.json'),
    JSON.stringify({ script: fixture('server.js'), probation: 0, env }),
  )
  const { service, control } = await start(cwd)
  await using _ = service
  expect(service.stderr).toMatch(/controlSocket: not made, the supervisor answers/)
  expect(existsSync(own)).toBe(false)
  expect((await status(control)).pid).toBe(service.pid)
  await end(service)
})
