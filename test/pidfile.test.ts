// The pid file: who is in it, over upgrades, exits and other services.
import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fixture, Service, temporaryDirectory } from './support/service.js'

const script = fixture('server.js')
const env = { FRAMEWORK: 'http' }

test('an app that ends the process itself leaves no pid file; a predecessor leaves its successor’s', async () => {
  const pidFile = join(temporaryDirectory(), 'app.pid')
  const quits = 'data:text/javascript,process.once("SIGQUIT",()=>process.exit(3))'
  await using service = await Service.start({
    script,
    execArgv: ['--import', quits],
    options: { pidFile },
  })
  const successor = await service.upgrade()
  expect(readFileSync(pidFile, 'utf8')).toBe(`${successor}\n`)
  service.signal('SIGQUIT', successor)
  await service.ended
  expect(existsSync(pidFile)).toBe(false)
})

test.runIf(process.platform === 'linux')(
  'of two services with one pid file the second does not start, and the first keeps it',
  async () => {
    const pidFile = join(temporaryDirectory(), 'app.pid')
    await using first = await Service.start({ script, env, options: { pidFile } })
    await using second = await Service.start({ script, env, options: { pidFile }, wait: false })
    expect((await second.exited).code).toBe(1)
    expect(second.stderr).toMatch(
      new RegExp(`Start failed: pid file .*: it names pid ${first.pid} .* two pid files`),
    )
    expect(readFileSync(pidFile, 'utf8')).toBe(`${first.pid}\n`)
    const successor = await first.upgrade()
    expect(readFileSync(pidFile, 'utf8')).toBe(`${successor}\n`)
    await first.stop()
  },
)

test('a stale one that names a living process of somebody else is said, and replaced', async () => {
  const pidFile = join(temporaryDirectory(), 'app.pid')
  writeFileSync(pidFile, `${process.pid}\n`)
  utimesSync(pidFile, 1, 1)
  await using service = await Service.start({ script, env, options: { pidFile } })
  await service.untilStderr(new RegExp(`pid file .* was stale: it named pid ${process.pid} `))
  expect(readFileSync(pidFile, 'utf8')).toBe(`${service.pid}\n`)
  await service.stop()
})

test('a directory that is not there fails the start, and is said once', async () => {
  const pidFile = join(temporaryDirectory(), 'none', 'app.pid')
  await using service = await Service.start({ script, env, options: { pidFile }, wait: false })
  expect((await service.exited).code).toBe(1)
  expect(service.stderr.match(/ENOENT/g)).toHaveLength(1)
})
