import { copyFileSync, linkSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Deployment, started } from './support/deployment.js'
import { answerAt, underLoad, upgrade } from './support/release.js'
import { Service } from './support/service.js'

/** Where a user types what to start a deployment. */
const ways: [string, (deployment: Deployment) => { cwd: string; script: string }][] = [
  ['cd current && node server.mjs', ({ current }) => ({ cwd: current, script: 'server.mjs' })],
  ['node current/server.mjs', ({ root }) => ({ cwd: root, script: 'current/server.mjs' })],
  [
    'node /…/current/server.mjs',
    ({ current }) => ({ cwd: '/', script: join(current, 'server.mjs') }),
  ],
]

test.each(ways)('%s: a switched symlink starts the new release', async (_, way) => {
  const deployment = new Deployment()
  await using service = await Service.start(way(deployment))
  const target = { port: service.port() }
  for (const release of ['2', '3']) {
    deployment.release(release)
    const pid = await upgrade(service)
    expect((await started(service)).release).toBe(release)
    expect(await answerAt(target)).toEqual({ pid, label: release })
  }
  await service.stop()
})

test('without a switch, the same release starts again', async () => {
  const { root } = new Deployment()
  await using service = await Service.start({ cwd: root, script: 'releases/1/server.mjs' })
  await upgrade(service)
  expect(await started(service)).toMatchObject({ release: '1', cwd: root })
  await service.stop()
})

test.each(ways)('%s: the old release may be deleted', async (_, way) => {
  const deployment = new Deployment()
  await using service = await Service.start(way(deployment))
  for (const [old, next] of [
    ['1', '2'],
    ['2', '3'],
  ] as const) {
    deployment.release(next)
    rmSync(deployment.directory(old), { recursive: true })
    await upgrade(service)
    expect((await started(service)).release).toBe(next)
  }
  await service.stop()
})

test('a successor is started as the first generation was', async () => {
  const { current, root } = new Deployment()
  const execArgv = ['--no-warnings', '--max-old-space-size=200']
  const args = ['--name', 'with spaces', 'ünïcödé 🚀', '', "quote's", 'a=b', '--', '$HOME']
  const env = {
    KEPT: 'as given',
    MULTILINE: 'one\ntwo',
    EMPTY: '',
    UNICODE: 'ünïcödé 🚀',
    NODE_OPTIONS: '--trace-uncaught --title="two words"',
  }
  await using service = await Service.start({
    cwd: current,
    script: 'server.mjs',
    execArgv,
    args,
    env,
  })
  const first = await started(service)
  expect(first).toMatchObject({ execArgv, argv: args, env, child: env })
  for (const n of [1, 2]) {
    await upgrade(service)
    const { release, cwd, argv, ...rest } = await started(service)
    expect({ release, cwd, argv }).toEqual({
      release: '1',
      cwd: join(root, 'releases/1'),
      argv: args,
    })
    expect(rest.execArgv, `generation ${n}`).toEqual(execArgv)
    // The value that the app changed, the one that it added, and those that are ours are not there.
    expect(rest.env).toEqual(first.env)
    expect(rest.child).toEqual(first.child)
  }
  await service.stop()
})

test('a beforeSpawn hook changes the environment of the successor', async () => {
  const { current } = new Deployment()
  await using service = await Service.start({ cwd: current, script: 'server.mjs' })
  service.control({ env: { BLUE: 'green' } })
  await upgrade(service)
  expect((await started(service)).env.BLUE).toBe('green')
  await service.stop()
})

test('a beforeSpawn hook that throws cancels the upgrade', async () => {
  const { current } = new Deployment()
  await using service = await Service.start({ cwd: current, script: 'server.mjs' })
  service.control({ throws: 'not today' })
  expect(await service.hup()).toMatchObject({
    phase: 'failed',
    error: { code: 'ERR_ENDLESS_HOOK' },
  })
  await service.untilStderr(/Upgrade failed.*not today/)
  expect(service.stderr).not.toContain('Spawned')
  service.control({})
  await upgrade(service)
  await service.stop()
})

/** A copy of node that can be taken away; beside the deployment, so that it is a mere link. */
function ownNode(root: string): string {
  const node = join(root, 'node')
  try {
    linkSync(process.execPath, node)
  } catch {
    copyFileSync(process.execPath, node)
  }
  return node
}

/** An upgrade while something is gone rolls back; it works again when that is back. */
async function missed(service: Service, path: string, message: RegExp): Promise<void> {
  const before = service.current
  await underLoad({ '1': { port: service.port() } }, async () => {
    renameSync(path, `${path}.gone`)
    const end = await service.hup()
    expect(end).toMatchObject({ phase: 'failed' })
    expect((end.error as Error).message).toMatch(message)
    renameSync(`${path}.gone`, path)
  })
  expect(service.current).toBe(before)
  await upgrade(service)
  await service.stop()
}

test('a script that is gone', async () => {
  const { root, current } = new Deployment()
  const script = join(current, 'server.mjs')
  await using service = await Service.start({ cwd: root, script })
  await missed(service, script, /exited with code 1 .*Cannot find module/s)
})

test('a Node executable that is gone', async () => {
  const { root } = new Deployment()
  const node = ownNode(root)
  await using service = await Service.start({
    cwd: root,
    script: 'current/server.mjs',
    wrapper: ['sh', '-c', `shift; exec ${node} "$@"`, 'sh'],
  })
  await missed(service, node, /cannot spawn .*node .*ENOENT/)
})

test('a working directory that is gone', async () => {
  const { root, current } = new Deployment()
  const cwd = join(root, 'work')
  mkdirSync(cwd)
  await using service = await Service.start({ cwd, script: join(current, 'server.mjs') })
  await missed(service, cwd, /the working directory .*work is gone/)
})
