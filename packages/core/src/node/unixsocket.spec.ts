import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  isSocketFile,
  occupantOf,
  publishSocket,
  temporaryPath,
  unlinkSocket,
} from './unixsocket.js'

let directory = ''
let path = ''
let servers: Server[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'endless-unix-'))
  path = join(directory, 'app.sock')
})

afterEach(() => {
  for (const server of servers) server.close()
  servers = []
  rmSync(directory, { recursive: true })
})

async function living(at: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy()).listen(at)
  servers.push(server)
  await once(server, 'listening')
  return server
}

/** A socket that nobody listens on: libuv unlinks only what it bound. */
async function stale(at: string): Promise<void> {
  const elsewhere = join(directory, 'elsewhere')
  const server = await living(elsewhere)
  renameSync(elsewhere, at)
  server.close()
  await once(server, 'close')
}

describe('occupantOf', () => {
  test('nobody, where there is nothing', async () => {
    expect(await occupantOf(path)).toBe('nobody')
  })

  test('stale, where nobody listens any more', async () => {
    await stale(path)
    expect(existsSync(path)).toBe(true)
    expect(await occupantOf(path)).toBe('stale')
    expect(existsSync(path)).toBe(true)
  })

  test('living, where somebody listens, who notices no more than a connection', async () => {
    const server = await living(path)
    expect(await occupantOf(path)).toBe('living')
    expect(server.listening).toBe(true)
  })

  test('no socket, where another file is', async () => {
    writeFileSync(path, 'precious')
    expect(await occupantOf(path)).toBe('no socket')
    mkdirSync(join(directory, 'sub'))
    expect(await occupantOf(join(directory, 'sub'))).toBe('no socket')
    symlinkSync('/nowhere', join(directory, 'link'))
    expect(await occupantOf(join(directory, 'link'))).toBe('no socket')
  })
})

describe('temporaryPath', () => {
  const pid = String(process.pid)
  const longest = process.platform === 'linux' ? 107 : 103
  /** A path of so many bytes in a directory of so many. */
  const pathOf = (bytes: number, inDirectory = 10): string =>
    `/${'d'.repeat(inDirectory - 1)}/${'f'.repeat(bytes - inDirectory - 1)}`

  test('stands beside the path, and names our pid', () => {
    expect(temporaryPath('/run/app.sock')).toBe(`/run/app.sock.${pid}`)
    expect(temporaryPath('app.sock')).toBe(`app.sock.${pid}`)
  })

  test('is as long as a socket path may be, not a byte longer', () => {
    const fits = pathOf(longest - 1 - pid.length)
    expect(temporaryPath(fits)).toBe(`${fits}.${pid}`)
    expect(Buffer.byteLength(temporaryPath(`${fits}f`) ?? '')).toBeLessThan(fits.length)
  })

  test('is shorter where that is too long, in the same directory: a rename must do', () => {
    const long = pathOf(longest)
    expect(temporaryPath(long)).toBe(join(dirname(long), `.${pid}`))
  })

  test('counts bytes, not characters', () => {
    const long = `/run/${'ä'.repeat(50)}`
    expect(long.length).toBeLessThan(longest - 10)
    expect(basename(temporaryPath(long) ?? '')).toBe(`.${pid}`)
  })

  test('is none where no client could come: the path itself is too long', () => {
    expect(temporaryPath(pathOf(longest + 1))).toBeUndefined()
  })
})

test('what begins with NUL is no file', () => {
  expect([isSocketFile('/run/a'), isSocketFile('a'), isSocketFile('\0a')]).toEqual([
    true,
    true,
    false,
  ])
})

describe('publishSocket', () => {
  test('puts the bound socket in place of a stale one, and gives its inode', async () => {
    await stale(path)
    const temporary = join(directory, 'temporary')
    await living(temporary)
    const { ino } = statSync(temporary)
    expect(publishSocket(temporary, path)).toBe(ino)
    expect(statSync(path).ino).toBe(ino)
    expect(existsSync(temporary)).toBe(false)
    expect(await occupantOf(path)).toBe('living')
  })
})

describe('unlinkSocket', () => {
  test('removes the socket that is still the one', async () => {
    await stale(path)
    unlinkSocket(path, statSync(path).ino)
    expect(existsSync(path)).toBe(false)
  })

  test('leaves another one, and minds none', async () => {
    await stale(path)
    unlinkSocket(path, statSync(path).ino + 1)
    expect(existsSync(path)).toBe(true)
    expect(() => unlinkSocket(join(directory, 'none'), 1)).not.toThrow()
  })
})
