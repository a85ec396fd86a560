import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { load } from './support/client/index.js'
import { Deployment, type Started } from './support/deployment.js'
import { Fleet, type FleetStart } from './support/fleet.js'

/** How a user types it. */
const ways: [string, (deployment: Deployment) => FleetStart][] = [
  ['cd current && endless start', ({ current }) => ({ cwd: current, script: 'server.mjs' })],
  ['endless start current/…', ({ root }) => ({ cwd: root, script: 'current/server.mjs' })],
  ['without .mjs', ({ root }) => ({ cwd: root, script: 'current/server' })],
  ['by its directory', ({ root }) => ({ cwd: root, script: 'current' })],
  ['endless start /…', ({ current }) => ({ cwd: '/', script: join(current, 'server.mjs') })],
  [
    'endless start --cwd current',
    ({ root }) => ({ cwd: root, script: 'server.mjs', flags: ['--cwd', 'current'] }),
  ],
]

/** Starts it; both names are for a script that Node finds by itself. */
function startIn(deployment: Deployment, way: (deployment: Deployment) => FleetStart) {
  release(deployment, '1')
  return Fleet.start(way(deployment))
}

function release(deployment: Deployment, name: string): void {
  deployment.release(name)
  for (const file of ['server.js', 'index.js'])
    writeFileSync(join(deployment.directory(name), file), "import('./server.mjs')\n")
}

/** Which releases the workers that serve are of. */
async function serving(fleet: Fleet): Promise<string[]> {
  const pids = await fleet.pids()
  const all = await Promise.all(
    pids.map((pid) => fleet.service.until({ event: 'started', pid }) as Promise<unknown>),
  )
  return (all as Started[]).map((one) => one.release)
}

/** Kills the first worker; settles when another one serves in its place. */
async function killOne(fleet: Fleet): Promise<void> {
  const [victim = -1] = await fleet.pids()
  const since = fleet.service.mark()
  fleet.service.signal('SIGKILL', victim)
  await fleet.service.until({ event: 'started' }, since)
  await fleet.service.until({ event: 'state', to: 'ready' }, since)
}

test.each(ways)('%s: links are followed at a reload, and then alone', async (_, way) => {
  const deployment = new Deployment()
  await using fleet = await startIn(deployment, way)
  const before = await fleet.pids()
  const target = { port: fleet.port }
  const traffic = load({ target, connections: 2, thinkTime: [0, 20] })
  await traffic.progress(5)
  deployment.point(join(deployment.root, 'nowhere'))
  const { code, stderr } = await fleet.run('reload')
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/leads nowhere: .*put the release there/),
  ])
  expect(await fleet.pids()).toEqual(before)
  release(deployment, '2')
  await fleet.reload()
  expect(await serving(fleet)).toEqual(['2', '2'])
  const { release: named, workers } = await fleet.status()
  expect([named, ...workers.map((one) => one.release)]).toEqual(
    Array(3).fill(deployment.directory('2')),
  )
  const { failed, reconnects, samples } = await traffic.stop()
  expect([failed, reconnects], samples.join('\n')).toEqual([0, 0])
  // What a crash brings back is what a reload has committed.
  release(deployment, '3')
  await killOne(fleet)
  expect(await serving(fleet)).toEqual(['2', '2'])
  deployment.point(join(deployment.root, 'nowhere'))
  await killOne(fleet)
  expect(await serving(fleet)).toEqual(['2', '2'])
  expect((await fleet.status()).release).toBe(deployment.directory('2'))
  await fleet.stop()
})

test('--cwd, and an interpreter, are looked for from the directory with its links', async () => {
  const deployment = new Deployment()
  const prepare = (name: string): void => {
    release(deployment, name)
    const inside = join(deployment.directory(name), 'app')
    mkdirSync(inside)
    writeFileSync(join(inside, 'server.mjs'), "import '../server.mjs'\n")
    symlinkSync(process.execPath, join(deployment.directory(name), 'node'))
  }
  prepare('1')
  await using fleet = await Fleet.start({
    cwd: deployment.current,
    script: 'server.mjs',
    flags: ['--cwd', 'app', '--interpreter', './node'],
  })
  prepare('2')
  rmSync(deployment.directory('1'), { recursive: true })
  await fleet.reload()
  expect(await serving(fleet)).toEqual(['2', '2'])
  await fleet.stop()
})

test("Node's options, the script's own, and an env file that a reload reads anew", async () => {
  const deployment = new Deployment()
  const env = join(deployment.root, 'app.env')
  writeFileSync(env, 'FROM_FILE=first\n')
  const args = ['-p', '80', '--workers=9', '--', '--name', 'a b', '', '--env-file=no', '-h']
  await using fleet = await Fleet.start({
    cwd: deployment.current,
    script: 'server.mjs',
    flags: [
      '--node-args',
      '--no-warnings  --title=shop',
      '--max-old-space-size=200',
      `--env-file=${env}`,
    ],
    args,
  })
  const seen = async (): Promise<Started[]> =>
    Promise.all(
      (await fleet.pids()).map(
        (pid) => fleet.service.until({ event: 'started', pid }) as Promise<unknown>,
      ),
    ) as Promise<Started[]>
  for (const { argv, execArgv, env: has } of await seen()) {
    expect(argv).toEqual(args)
    expect(execArgv).toEqual(
      expect.arrayContaining(['--no-warnings', '--title=shop', '--max-old-space-size=200']),
    )
    expect(has.FROM_FILE).toBe('first')
  }
  writeFileSync(env, 'FROM_FILE=second\n')
  await fleet.reload()
  expect((await seen()).map((one) => one.env.FROM_FILE)).toEqual(['second', 'second'])
  await fleet.stop()
})
