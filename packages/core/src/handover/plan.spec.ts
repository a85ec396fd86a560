import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { argumentsOf, commandOf, type Start } from './plan.js'

let root = ''
let node = ''

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'endless-plan-')))
  mkdirSync(join(root, 'v1'))
  mkdirSync(join(root, 'bin'))
  mkdirSync(join(root, 'other'))
  node = join(root, 'v1', 'node')
  for (const path of [node, join(root, 'other', 'node'), join(root, 'app.js')])
    writeFileSync(path, '', { mode: 0o755 })
  symlinkSync(node, join(root, 'bin', 'node'))
  symlinkSync(join(root, 'v1'), join(root, 'link'))
})

afterAll(() => rmSync(root, { recursive: true }))

function startOf(given: Partial<Start>): Start {
  return {
    kept: ['node', 'app.js', 'a'],
    argv0: 'node',
    argv: [node, join(root, 'app.js'), 'a'],
    execArgv: [],
    execPath: node,
    physical: root,
    cwd: root,
    path: `/nowhere:${join(root, 'bin')}`,
    ...given,
  }
}

describe('the executable', () => {
  test.each<[string, Partial<Start>, string]>([
    ['a name: looked up in PATH again', {}, 'node'],
    ['a link by its path', { argv0: '$/bin/node' }, '$/bin/node'],
    ['a link by a relative path', { argv0: './bin/node' }, '$/bin/node'],
    ['with the links of the directory', { argv0: './node', cwd: '$/link' }, '$/link/node'],
    ['a name that PATH finds elsewhere first', { path: '$/other:$/bin' }, '$/v1/node'],
    ['a name that PATH finds no more', { path: '/nowhere' }, '$/v1/node'],
    ['a path that leads elsewhere', { argv0: '$/other/node' }, '$/v1/node'],
    ['another name (exec -a)', { argv0: 'web' }, '$/v1/node'],
  ])('%s', (_, given, command) => {
    const filled = JSON.parse(JSON.stringify(given).replaceAll('$', root)) as Partial<Start>
    expect(commandOf(startOf(filled))).toBe(command.replace('$', root))
  })
})

describe('the arguments', () => {
  test.each<[string, Partial<Start>, string[]]>([
    ['as they were given', {}, ['app.js', 'a']],
    [
      'Node’s own first',
      { kept: ['node', '--import', 'x', 'app.js'], execArgv: ['--import', 'x'] },
      ['--import', 'x', 'app.js'],
    ],
    ['whatever became of process.argv', { argv: ['/x/node'] }, ['app.js', 'a']],
    ['whatever it says', { argv: ['/x/node', '/x/other.js'] }, ['app.js', 'a']],
    [
      'but the script where it is, when the directory was changed',
      { kept: ['node', './sub/app.js', 'a'], argv: ['/n', '/srv/sub/app.js', 'a'] },
      ['/srv/sub/app.js', 'a'],
    ],
    [
      'from Node when a process title stands over them',
      { kept: ['my app'], execArgv: ['--no-warnings'] },
      ['--no-warnings', 'app.js', 'a'],
    ],
    ['from Node where the kernel shows none', { kept: undefined }, ['app.js', 'a']],
    [
      'from Node, and a script that is elsewhere by its whole path',
      { kept: undefined, argv: ['/n', '/srv/app.js'] },
      ['/srv/app.js'],
    ],
    ['none where there are none', { kept: undefined, argv: ['/n'] }, []],
  ])('%s', (_, given, args) => {
    expect(argumentsOf(startOf(given))).toEqual(args)
  })
})
