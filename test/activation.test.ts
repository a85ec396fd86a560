import { spawnSync } from 'node:child_process'
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Target } from './support/client/index.js'
import {
  answerAt,
  app,
  originsOf,
  type Release,
  startRelease,
  underLoad,
  upgrade,
} from './support/release.js'
import { fixture, type Service, temporaryDirectory } from './support/service.js'
import { SystemdBox, whyNoSystemd } from './support/systemd-box.js'

const hasPython = spawnSync('python3', ['--version']).status === 0

/** A service to whom these sockets are passed as systemd passes them. */
function activated(sockets: string, release: Release, env = {}): Promise<Service> {
  const wrapper = ['python3', resolve(import.meta.dirname, 'support/activate.py'), sockets]
  return startRelease(release, { wrapper, env })
}

/** The port that activate.py bound. */
async function portOf(service: Service, name: string): Promise<Target> {
  const { env } = await service.until({ event: 'generation' })
  return { port: Number((env as Record<string, string>)[`${name.toUpperCase()}_PORT`]) }
}

function socketPath(): string {
  const directory = temporaryDirectory()
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'app.sock')
}

/** Every generation has these variables neither for itself nor for its children. */
function expectCleanEnvironment(service: Service): void {
  for (const { env } of service.all({ event: 'generation' }))
    expect(Object.keys(env as object).filter((name) => name.startsWith('LISTEN_'))).toEqual([])
}

test.skipIf(!hasPython).each([
  ['the same address', '0@127.0.0.1', ['$WEB_PORT', '127.0.0.1']],
  ['every address', '0@0.0.0.0', ['$WEB_PORT', '127.0.0.1']],
  ['its name', '0@127.0.0.1', [{ fd: 'web' }]],
])('a TCP socket by %s', async (_, address, at) => {
  const release = { listen: [app('a', ...at)] }
  await using service = await activated(`web=${address}`, release)
  const a = await portOf(service, 'web')
  expect(Object.values(originsOf(service))).toEqual(['systemd'])
  await underLoad({ a }, async () => {
    for (const n of [1, 2]) {
      const pid = await upgrade(service, release)
      expect(Object.values(originsOf(service)), `generation ${n}`).toEqual(['predecessor'])
      expect(await answerAt(a)).toEqual({ pid, label: 'a' })
    }
  })
  expectCleanEnvironment(service)
  await service.stop()
})

test.skipIf(!hasPython).each([
  ['its path', (path: string) => path],
  ['its name', () => ({ fd: 'web' })],
])('a Unix socket by %s, which is never unlinked', async (_, at) => {
  const path = socketPath()
  const release = { listen: [app('a', at(path))] }
  await using service = await activated(`web=${path}`, release)
  const inode = statSync(path).ino
  await underLoad({ a: { path } }, async () => {
    for (const _ of [1, 2]) {
      const pid = await upgrade(service, release)
      expect(await answerAt({ path })).toEqual({ pid, label: 'a' })
    }
  })
  await service.stop()
  expect(statSync(path).ino).toBe(inode)
  expect(readdirSync(dirname(path))).toEqual(['app.sock'])
})

test.skipIf(!hasPython)('several sockets, and one of our own', async () => {
  const path = socketPath()
  const listen = [app('u', path), app('own', 0), app('b', { fd: 'two' }), app('a', '$ONE_PORT')]
  await using service = await activated(`one=0@0.0.0.0,two=0@127.0.0.1,three=${path}`, { listen })
  const targets = { a: await portOf(service, 'one'), b: await portOf(service, 'two'), u: { path } }
  expect(Object.values(originsOf(service)).toSorted()).toEqual([
    'new',
    'systemd',
    'systemd',
    'systemd',
  ])
  await underLoad(targets, async () => {
    await upgrade(service, { listen: listen.toReversed() })
    await upgrade(service, { listen })
  })
  await service.stop()
})

test.skipIf(!hasPython)('what nobody asks for is closed, and its path is left alone', async () => {
  const path = socketPath()
  const release: Release = { listen: [app('a', 0)], explicit: true }
  await using service = await activated(`web=${path}`, release)
  await service.untilStderr(/Nobody asked for unix:.*app\.sock: closed\./)
  await service.stop()
  expect(statSync(path).isSocket()).toBe(true)
})

test.skipIf(!hasPython)('sockets that are meant for another process are ignored', async () => {
  const listen = [app('a', '$WEB_PORT', '127.0.0.1'), app('b', 0)]
  await using service = await activated('web=0@127.0.0.1', { listen }, { FOREIGN_PID: '1' })
  // That port is taken: by whoever those sockets are for.
  await service.until({ event: 'swallowed', label: 'a', code: 'EADDRINUSE' })
  expect(originsOf(service)).toEqual({ 'tcp:*:0': 'new' })
  expectCleanEnvironment(service)
  await service.stop()
})

const noSystemd = whyNoSystemd()

/** The unit files of a service with two sockets: one is asked for by path, one by name. */
function unitsOf(directory: string, control: string): Record<string, string> {
  const service = [
    'Sockets=web.socket admin.socket',
    `Environment=CONTROL=${control} 'OPTIONS={"probation":0}'`,
    `ExecStart=${process.execPath} ${fixture('release.js')}`,
    `StandardOutput=append:${directory}/out`,
    `StandardError=append:${directory}/out`,
    // An upgrade changes the main process, which a service of type "simple" cannot tell systemd.
    'RemainAfterExit=yes',
  ]
  const socket = (name: string) => [
    `ListenStream=${join(directory, name)}.sock`,
    `FileDescriptorName=${name}`,
    'Service=app.service',
  ]
  return {
    'app.service': ['[Service]', ...service, ''].join('\n'),
    'web.socket': ['[Socket]', ...socket('web'), ''].join('\n'),
    'admin.socket': ['[Socket]', ...socket('admin'), ''].join('\n'),
  }
}

test('a real systemd starts it at the first connection, again and again', async ({ skip }) => {
  skip(noSystemd !== '', `no systemd to test with: ${noSystemd}`)
  const directory = dirname(socketPath())
  const [path, admin] = [join(directory, 'web.sock'), join(directory, 'admin.sock')]
  const control = join(directory, 'control.json')
  const release: Release = { listen: [app('a', path), app('b', { fd: 'admin' })] }
  writeFileSync(control, JSON.stringify(release))
  const box = await SystemdBox.boot(unitsOf(directory, control))
  await box.run('systemctl start web.socket admin.socket')
  for (const _ of [1, 2]) {
    const { pid } = await answerAt({ path })
    expect(await box.run('systemctl show -P MainPID app.service')).toBe(`${pid}\n`)
    await underLoad({ a: { path }, b: { path: admin } }, async () => {
      await box.run(`kill -HUP ${pid}`)
      // The pids are the box's own: its kill says when that one is gone.
      const gone = `timeout 20 sh -c 'while kill -0 ${pid} 2>&-; do sleep 0.05; done'`
      await box.run(`${gone} || { cat ${directory}/out; false; }`)
      expect((await answerAt({ path })).pid).not.toBe(pid)
    })
    await box.run('systemctl stop app.service')
    expect([statSync(path).isSocket(), statSync(admin).isSocket()]).toEqual([true, true])
  }
})
