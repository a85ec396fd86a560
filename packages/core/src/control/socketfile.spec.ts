import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { createServer, Server } from 'node:net'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { ControlServer } from './server.js'
import { client, echo, serving } from './specs/serving.js'
import { place } from './specs/talking.js'

const modeOf = (path: string): number => lstatSync(path).mode & 0o777
const isRoot = process.getuid?.() === 0
const nobody = 65_534

function listen(path: string): Promise<ControlServer> {
  const server = new ControlServer(echo)
  onTestFinished(() => server.close())
  return server.listen(path)
}

/** A socket that nobody listens on: libuv unlinks only what it bound. */
async function stale(path: string): Promise<void> {
  const server = createServer().listen(`${path}.bound`)
  await once(server, 'listening')
  renameSync(`${path}.bound`, path)
  server.close()
  await once(server, 'close')
}

describe('the socket', () => {
  test('is for this user alone, whatever the umask is, and so is a directory that was missing', async () => {
    const umask = process.umask(0)
    onTestFinished(() => void process.umask(umask))
    const path = join(place(), 'run/endless/a.sock')
    // Bound, and not yet what it will be: the directory around it lets nobody in.
    const around: number[] = []
    const original = Server.prototype.listen
    const spy = vi.spyOn(Server.prototype, 'listen').mockImplementation(function (
      this: Server,
      ...args
    ) {
      const [{ path: bound = '' }] = args as unknown as [{ path?: string }]
      Reflect.apply(original, this, args)
      around.push(modeOf(dirname(bound)), Number(existsSync(bound)))
      return this
    })
    onTestFinished(() => spy.mockRestore())
    await listen(path)
    expect(around).toEqual([0o700, 1])
    expect([modeOf(path), modeOf(dirname(path)), modeOf(dirname(dirname(path)))]).toEqual([
      0o600, 0o700, 0o700,
    ])
    expect(readdirSync(dirname(path))).toEqual(['a.sock'])
  })

  test.skipIf(!isRoot)(
    'refuses another user, by its own mode and by that of its directory',
    async () => {
      const directory = place()
      const { path } = await serving(echo, join(directory, 'a.sock'))
      const { path: inside } = await serving(echo, join(directory, 'inside/a.sock'))
      chmodSync(directory, 0o755)
      const attempts = `
      for (const path of ${JSON.stringify([path, inside])})
        require('node:net').connect(path).on('connect', () => console.log('connected'))
          .on('error', (error) => console.log(error.code))`
      const ask = async (uid: number): Promise<string> => {
        const child = spawn(
          process.execPath,
          ['-e', `${attempts}.on('connect', function () { this.destroy() })`],
          {
            uid,
            cwd: '/',
            stdio: ['ignore', 'pipe', 'inherit'],
          },
        )
        let text = ''
        child.stdout.on('data', (chunk) => {
          text += chunk
        })
        await once(child, 'close')
        return text
      }
      expect(await ask(nobody)).toBe('EACCES\nEACCES\n')
      expect(await ask(0)).toBe('connected\nconnected\n')
      // Its own mode alone, too.
      chmodSync(dirname(inside), 0o755)
      expect(await ask(nobody)).toBe('EACCES\nEACCES\n')
    },
  )

  test('may have 107 bytes, and not one more', async () => {
    const directory = place()
    const name = 'x'.repeat(107 - directory.length - 1)
    await listen(join(directory, name))
    expect(await (await client(join(directory, name))).request('status')).toBeTruthy()
    await expect(listen(join(directory, `${name}x`))).rejects.toMatchObject({
      code: 'ERR_ENDLESS_CONTROL',
      message: expect.stringMatching(/expected at most 107 bytes, got 108/),
    })
    expect(readdirSync(directory)).toEqual([name])
  })
})

describe('what stands there', () => {
  test('a stale socket is replaced', async () => {
    const path = join(place(), 'a.sock')
    await stale(path)
    await listen(path)
    expect(await (await client(path)).request('status')).toBeTruthy()
    expect(modeOf(path)).toBe(0o600)
  })

  test('a living one is refused, and lives on', async () => {
    const { path } = await serving(echo)
    await expect(listen(path)).rejects.toMatchObject({
      code: 'ERR_ENDLESS_CONTROL',
      message: expect.stringMatching(`${path}: a service answers there already`),
    })
    expect(await (await client(path)).request('status')).toBeTruthy()
    expect(readdirSync(dirname(path))).toEqual(['a.sock'])
  })

  test('anything else is refused, and stays', async () => {
    const path = join(place(), 'a.sock')
    writeFileSync(path, 'precious')
    await expect(listen(path)).rejects.toThrow(/expected nothing or a socket there/)
    expect(readFileSync(path, 'utf8')).toBe('precious')
  })

  test('of several that come at once, one gets it', async () => {
    const path = join(place(), 'a.sock')
    const all = await Promise.allSettled([1, 2, 3, 4].map(() => listen(path)))
    expect(all.map(({ status }) => status).sort()).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'rejected',
    ])
    expect(await (await client(path)).request('status')).toBeTruthy()
  })
})

test('Node still resolves links after all of it', async () => {
  const directory = place()
  writeFileSync(join(directory, 'file'), '')
  const names = ['first', 'made', 'refused', 'closed']
  for (const name of names) symlinkSync('file', join(directory, `${name}.js`))
  const { resolve } = createRequire(join(directory, 'app.js'))
  // From here on Node has the directory in its cache.
  resolve('./first')
  const { path, server } = await serving(echo)
  expect(resolve('./made')).toBe(join(directory, 'file'))
  await expect(listen(path)).rejects.toThrow()
  expect(resolve('./refused')).toBe(join(directory, 'file'))
  await server.close()
  expect(resolve('./closed')).toBe(join(directory, 'file'))
})

describe('close', () => {
  test('unlinks it', async () => {
    const { path, server } = await serving(echo)
    await server.close()
    expect(readdirSync(dirname(path))).toEqual([])
  })

  test('leaves the one that somebody else has put there', async () => {
    const { path, server } = await serving(echo)
    const { path: other } = await serving(() => Promise.resolve('other'), `${path}.other`)
    renameSync(other, path)
    await server.close()
    expect(await (await client(path)).request('status')).toBe('other')
  })
})
