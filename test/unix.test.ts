import { fork } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  answerAt,
  app,
  portsOf,
  type Release,
  refusalAt,
  startRelease,
  underLoad,
  upgrade,
} from './support/release.js'
import { fixture, temporaryDirectory } from './support/service.js'

/** A directory of this test's own. */
function emptyDirectory(): string {
  const directory = temporaryDirectory()
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

function at(path: unknown): Release {
  return { listen: [app('a', path)] }
}

/** A server of somebody else. */
async function foreignServer(path: string): Promise<Server> {
  const server = createServer((socket) => socket.end())
  await once(server.listen(path), 'listening')
  onTestFinished(() => void server.close())
  return server
}

/** Whether the path was there at every look that another process took meanwhile. */
async function neverMissing(path: string, act: () => Promise<unknown>): Promise<void> {
  const watcher = fork(fixture('watch.js'), [path])
  onTestFinished(() => void watcher.kill('SIGKILL'))
  await once(watcher, 'message')
  await act()
  watcher.send('stop')
  const [seen] = (await once(watcher, 'message')) as [{ looks: number; missing: number }]
  expect(seen.missing).toBe(0)
  expect(seen.looks).toBeGreaterThan(1_000)
}

test('a path survives three upgrades under load, and goes with a final stop', async () => {
  const directory = emptyDirectory()
  const path = join(directory, 'app.sock')
  await using service = await startRelease({ listen: [app('a', path), app('b', 0)] })
  const b = { port: portsOf(service)['tcp:*:0'] ?? 0 }
  const inode = statSync(path).ino
  await neverMissing(path, () =>
    underLoad({ a: { path }, b }, async () => {
      for (const _ of [1, 2, 3]) await upgrade(service)
    }),
  )
  expect(statSync(path).ino).toBe(inode)
  expect(readdirSync(directory)).toEqual(['app.sock'])
  await service.stop()
  expect(readdirSync(directory)).toEqual([])
})

test.each<[string, Partial<Release>]>([
  ['cannot bind another', {}],
  ['is never ready', { explicit: 'never' }],
])('a successor that %s leaves the path alone', async (_, never) => {
  const directory = emptyDirectory()
  const path = join(directory, 'app.sock')
  const blocked = join(directory, 'file')
  writeFileSync(blocked, 'precious')
  await using service = await startRelease({ ...at(path), options: { readyTimeout: 4_000 } })
  await neverMissing(path, () =>
    underLoad({ a: { path } }, async () => {
      const listen = [app('a', path), ...('explicit' in never ? [] : [app('b', blocked)])]
      service.control({ listen, ...never } satisfies Release)
      expect(await service.hup()).toMatchObject({ phase: 'failed' })
    }),
  )
  expect(readFileSync(blocked, 'utf8')).toBe('precious')
  await upgrade(service, at(path))
  await service.stop()
})

test('a new release adds a path, and drops another with its file', async () => {
  const directory = emptyDirectory()
  const [path, other] = [join(directory, 'app.sock'), join(directory, 'other.sock')]
  await using service = await startRelease(at(path))
  await upgrade(service, { listen: [app('b', other), app('a', path)] })
  await underLoad({ b: { path: other } }, async () => {
    await upgrade(service, { listen: [app('b', other)], explicit: true })
  })
  await service.untilStderr(/Nobody asked for unix:.*app\.sock: closed\./)
  expect(await refusalAt({ path })).toBe('ENOENT')
  await service.stop()
  expect(readdirSync(directory)).toEqual([])
})

test('a stale socket is replaced at once', async () => {
  const path = join(emptyDirectory(), 'app.sock')
  await using killed = await startRelease(at(path))
  killed.signal('SIGKILL')
  await killed.ended
  expect(await refusalAt({ path })).toBe('ECONNREFUSED')
  await neverMissing(path, async () => {
    await using service = await startRelease(at(path))
    expect(await answerAt({ path })).toMatchObject({ pid: service.pid })
  })
})

test.each([{}, { bare: true } as const])('a living server keeps its path: %o', async (how) => {
  const path = join(emptyDirectory(), 'app.sock')
  const living = await foreignServer(path)
  const inode = statSync(path).ino
  const release = { listen: [{ ...app('a', path), ...how }, app('b', 0)] }
  await using service = await startRelease(release, { wait: false })
  if ('bare' in how) {
    expect(await service.exited).toEqual({ code: 1, signal: null })
    expect(service.stderr).toContain(`Error: listen EADDRINUSE: address already in use ${path}`)
  } else {
    // This app goes on without it, as it would without us.
    await service.until({ event: 'swallowed', label: 'a', code: 'EADDRINUSE' })
    await service.until({ event: 'state', to: 'ready' })
    await service.stop()
  }
  expect(statSync(path).ino).toBe(inode)
  const connections = once(living, 'connection')
  await refusalAt({ path })
  await connections
})

test('a file that is no socket is not destroyed', async () => {
  const directory = emptyDirectory()
  const path = join(directory, 'app.sock')
  writeFileSync(path, 'precious')
  const release = { listen: [{ ...app('a', path), bare: true } as const] }
  await using service = await startRelease(release, { wait: false })
  expect(await service.exited).toEqual({ code: 1, signal: null })
  expect(service.stderr).toContain(`Error: listen EADDRINUSE: address already in use ${path}`)
  expect(readFileSync(path, 'utf8')).toBe('precious')
  expect(readdirSync(directory)).toEqual(['app.sock'])
})

test.each(['serves', 'drains'])(
  'a final stop leaves what another server put there while it %s',
  async (when) => {
    const path = join(emptyDirectory(), 'app.sock')
    await using service = await startRelease({ ...at(path), holdDrain: true })
    if (when === 'drains') {
      service.signal('SIGTERM')
      await service.until({ event: 'drain held' })
    }
    // Without a word, or over it: a file system may use an inode again.
    rmSync(path, { force: true })
    await foreignServer(path)
    if (when === 'serves') {
      service.signal('SIGTERM')
      await service.until({ event: 'drain held' })
    }
    service.signal('SIGCONT')
    await service.ended
    expect(existsSync(path)).toBe(true)
  },
)

test('a final stop leaves what was renamed over it', async () => {
  const directory = emptyDirectory()
  const [path, other] = [join(directory, 'app.sock'), join(directory, 'other.sock')]
  await using service = await startRelease(at(path))
  await foreignServer(other)
  renameSync(other, path)
  await service.stop()
  expect(existsSync(path)).toBe(true)
})

test.each([
  [{ readableAll: true }, 0o444],
  [{ writableAll: true }, 0o222],
  [{ readableAll: true, writableAll: true }, 0o666],
])('%o sets the mode, in every generation', async (mode, bits) => {
  const path = join(emptyDirectory(), 'app.sock')
  await using service = await startRelease(at(path), {
    wrapper: ['sh', '-c', 'umask 777; exec "$@"', 'sh'],
  })
  const bare = statSync(path).mode
  expect(bare & bits).not.toBe(bits)
  for (const _ of [1, 2]) {
    await upgrade(service, at({ path, ...mode }))
    expect(statSync(path).mode & bits).toBe(bits)
  }
  await service.stop()
})

/** A path of so many bytes, of which its directory has so many. */
function pathOf(bytes: number, directoryBytes: number): string {
  const short = emptyDirectory()
  const directory = join(short, 'd'.repeat(directoryBytes - short.length - 1))
  mkdirSync(directory)
  return join(directory, 's'.repeat(bytes - directoryBytes - 1))
}

// Linux has room for 107 bytes in sun_path.
test.each([
  [103, 40],
  [107, 40],
  [98, 96],
  [100, 98],
  [107, 105],
])('a path of %d bytes in a directory of %d', async (bytes, directoryBytes) => {
  const path = pathOf(bytes, directoryBytes)
  await using service = await startRelease(at(path))
  await underLoad({ a: { path } }, async () => {
    for (const _ of [1, 2]) await upgrade(service)
  })
  await service.stop()
  expect(existsSync(path)).toBe(false)
})

test('a relative path', async () => {
  const cwd = emptyDirectory()
  await using service = await startRelease(at('app.sock'), { cwd })
  await underLoad({ a: { path: join(cwd, 'app.sock') } }, () => upgrade(service))
  await service.stop()
  expect(readdirSync(cwd)).toEqual([])
})

test('an abstract socket', async () => {
  const path = `\0endless-test-${process.pid}`
  await using service = await startRelease(at(path))
  await underLoad({ a: { path } }, async () => {
    for (const _ of [1, 2]) await upgrade(service)
  })
  expect(service.stderr).not.toContain('\0')
  await service.stop()
  expect(await refusalAt({ path })).toBe('ECONNREFUSED')
})
