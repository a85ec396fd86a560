// The Node that runs a successor: what is at the place where this one was started from.
import { copyFileSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { load } from './support/client/index.js'
import { upgrades } from './support/lossless.js'
import { fixture, Service, temporaryDirectory } from './support/service.js'

/** Other versions, where there are some (`npm run test:matrix`); else copies of this one. */
const nodes = process.env.ENDLESS_NODES?.split(',') ?? [process.execPath, process.execPath]
let root = ''

beforeEach(() => {
  root = temporaryDirectory()
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
})

/** A link as version managers have it: `bin/node -> versions/<n>/node`. */
function use(version: number): void {
  const directory = join(root, 'versions', String(version))
  mkdirSync(directory, { recursive: true })
  mkdirSync(join(root, 'bin'), { recursive: true })
  copyFileSync(nodes[version % nodes.length] ?? process.execPath, join(directory, 'node'))
  symlinkSync(join(directory, 'node'), join(root, 'next'))
  renameSync(join(root, 'next'), join(root, 'bin', 'node'))
}

/** Starts with another executable than that of the tests. */
function startBy(command: string, path = process.env.PATH ?? ''): Promise<Service> {
  return Service.start({
    wrapper: ['sh', '-c', `shift; exec ${command} "$@"`, 'sh'],
    script: fixture('server.js'),
    env: { PATH: path },
  })
}

function executable(service: Service): string {
  return readlinkSync(`/proc/${service.current}/exe`)
}

// What runs, the kernel shows on Linux.
describe.runIf(process.platform === 'linux')('an executable', () => {
  test.each<[string, () => Promise<Service>]>([
    ['a name in PATH', () => startBy('node', `${join(root, 'bin')}:${process.env.PATH}`)],
    ['a link', () => startBy(join(root, 'bin', 'node'))],
  ])('%s that leads to another version: that runs the successor', async (_, start) => {
    use(0)
    await using service = await start()
    expect(executable(service)).toBe(join(root, 'versions/0/node'))
    for (const version of [1, 2]) {
      use(version)
      // As `nvm uninstall` would.
      rmSync(join(root, 'versions', String(version - 1)), { recursive: true })
      await service.upgrade()
      expect(executable(service)).toBe(join(root, 'versions', String(version), 'node'))
    }
    await service.stop()
  })
})

test('the executable replaced in place: connections move between the versions', async () => {
  const node = join(root, 'node')
  const replaceBy = (version: string): void => {
    copyFileSync(version, join(root, 'next'))
    renameSync(join(root, 'next'), node)
  }
  replaceBy(nodes[0] ?? process.execPath)
  await using service = await startBy(node)
  const running = load({ target: { port: service.port() }, connections: 20, thinkTime: [0, 20] })
  const ways = nodes.length > 2 ? [...nodes, ...nodes.toReversed()] : nodes.slice(0, upgrades)
  await running.progress(100)
  for (const version of ways) {
    replaceBy(version)
    await service.upgrade()
    await running.progress(100)
  }
  const report = await running.stop()
  expect(report.failed, report.samples.join('\n')).toBe(0)
  expect([report.connections, report.reconnects]).toEqual([20, 0])
  const ends = service.all({ event: 'drain', phase: 'end' })
  expect(ends.map(({ moved }) => moved)).toEqual(ways.map(() => 20))
  await service.stop()
})
