import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { hideFromChildren, without } from './children.js'

const home = realpathSync(mkdtempSync(join(tmpdir(), 'endless-')))
const files = [join(home, 'auto.js'), join(home, 'auto.mjs')]
const [file = '', door = ''] = files
const link = join(home, 'link.js')
for (const one of files) writeFileSync(one, '')
symlinkSync(file, link)

afterEach(() => vi.unstubAllEnvs())
afterAll(() => rmSync(home, { recursive: true }))

const name = '@endlessjs/core/auto'

describe('without', () => {
  test.each([
    ['by name', ['--import', name]],
    ['by name, in one word', [`--import=${name}`]],
    ['-r', ['-r', name]],
    ['--require', [`--require=${name}`]],
    ['by its path', ['-r', file]],
    ['by a path from here', ['-r', relative(process.cwd(), file)]],
    ['by a link', ['-r', link]],
    ['by the URL of its door', ['--import', pathToFileURL(door).href]],
    ['twice', ['-r', name, '--import', name]],
  ])('takes it out: %s', (_, words) => {
    const around = ['--inspect', '--import', 'tsx', '-r', 'dotenv/config', '--import=data:,']
    expect(without([...words, ...around, ...words], files)).toEqual(around)
  })

  test.each([
    ['the words of a script', ['-e', name]],
    ['another file', ['-r', join(home, 'other.js')]],
    ['another package', ['--import', `${name}matic`]],
    ['an option without its value', ['--import']],
    ['options of another kind', [`--title=${name}`, '--max-http-header-size', '1']],
  ])('leaves %s', (_, words) => {
    expect(without(words, files)).toEqual(words)
  })
})

test.each([
  [`--import ${name}`, undefined],
  [`--max-old-space-size=99 --import=${name} -r x`, '--max-old-space-size=99 -r x'],
  ['-r x', '-r x'],
])('NODE_OPTIONS="%s": children get %j', (given, left) => {
  vi.stubEnv('NODE_OPTIONS', given)
  hideFromChildren(files)
  expect(process.env.NODE_OPTIONS).toBe(left)
})
