import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { handleOf } from './handle.js'
import { inodeAt, isSocket, lstatOf, modeOf } from './stat.js'

let directory = ''
let path = ''
let server: Server

beforeAll(async () => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'endless-stat-')))
  path = join(directory, 'socket')
  server = createServer()
  await new Promise<void>((done) => server.listen(path, done))
  symlinkSync(path, join(directory, 'link'))
  writeFileSync(join(directory, 'file'), '', { mode: 0o640 })
})

afterAll(() => {
  server.close()
  rmSync(directory, { recursive: true })
})

test('what stands there', async () => {
  expect(lstatOf(path)?.isSocket()).toBe(true)
  expect(lstatOf(join(directory, 'link'))?.isSymbolicLink()).toBe(true)
  expect(lstatOf(join(directory, 'none'))).toBeUndefined()
  expect(inodeAt(join(directory, 'link'))).toBe(inodeAt(path))
  expect(inodeAt(join(directory, 'none'))).toBeUndefined()
  expect(modeOf(join(directory, 'file'))).toBe(0o640)
  await using file = await open('/dev/null')
  expect([isSocket(file.fd), isSocket(4_000)]).toEqual([false, false])
})

test.each<[string, () => unknown]>([
  ['inodeAt', () => inodeAt(path)],
  ['lstatOf', () => lstatOf(path)],
  ['modeOf', () => modeOf(path)],
  ['isSocket', () => isSocket(handleOf(server)?.fd ?? -1)],
])('Node still resolves links after %s of a socket', (name, look) => {
  const { resolve } = createRequire(join(directory, 'app.js'))
  for (const link of ['first', name]) {
    rmSync(join(directory, `${link}.js`), { force: true })
    symlinkSync(join(directory, 'file'), join(directory, `${link}.js`))
  }
  // From here on Node has the directory in its cache.
  resolve('./first')
  look()
  expect(resolve(`./${name}`)).toBe(join(directory, 'file'))
})
