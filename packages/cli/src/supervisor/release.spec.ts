import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { findRelease, type Recipe } from './release.js'

const home = realpathSync(mkdtempSync(join(tmpdir(), 'endless-')))
const current = join(home, 'current')
afterAll(() => rmSync(home, { recursive: true }))

for (const name of ['1', '2']) {
  mkdirSync(join(home, name, 'dist'), { recursive: true })
  writeFileSync(join(home, name, 'dist', 'server.js'), '')
}
beforeEach(() => point('1'))

function point(name: string): void {
  rmSync(current, { force: true })
  symlinkSync(name, current)
}

const recipe: Recipe = {
  command: process.execPath,
  preload: '/preload.js',
  nodeArgs: ['--enable-source-maps'],
  script: 'dist/server.js',
  args: ['--port', '80'],
  cwd: current,
  env: { A: 'b' },
}

test('follows the directory, and stays there', () => {
  const release = findRelease(recipe)
  point('2')
  const cwd = join(home, '1')
  expect(release.name).toBe(cwd)
  expect(release.plan(3)).toEqual({
    command: realpathSync(process.execPath),
    // What is between them is the preload of this command, or that of the release.
    args: [
      '--require',
      expect.any(String),
      '--enable-source-maps',
      'dist/server.js',
      '--port',
      '80',
    ],
    cwd,
    env: { A: 'b', PWD: cwd, NODE_APP_INSTANCE: '3' },
  })
  expect(findRelease(recipe).name).toBe(join(home, '2'))
})

test('follows a script by way of a link; its directory is the release', () => {
  const release = findRelease({ ...recipe, cwd: home, script: 'current/dist/server.js' })
  point('2')
  expect(release.name).toBe(join(home, '1', 'dist'))
  expect(release.plan(0).args).toContain(join(home, '1', 'dist', 'server.js'))
})

test('what Node finds by itself is left to Node', () => {
  expect(findRelease({ ...recipe, script: 'dist/server' }).plan(0).args).toContain('dist/server')
})

test.each([
  ['the working directory', { cwd: join(home, 'nowhere') }],
  ['the directory of the script', { script: 'nowhere/server.js' }],
  ['the interpreter', { command: '/nowhere/node' }],
])('%s that leads nowhere', (what, change) => {
  expect(() => findRelease({ ...recipe, ...change })).toThrow(`${what} `)
})
