import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { controlPath } from './location.js'
import { place } from './specs/talking.js'

const env = { XDG_RUNTIME_DIR: '/xdg' }
/** Of no user that is logged in here. */
const uid = 3_999_999_999

function directoryWith(files: Readonly<Record<string, string>>): string {
  const directory = place()
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(directory, name, '..'), { recursive: true })
    writeFileSync(join(directory, name), text)
  }
  return directory
}

describe('the directory', () => {
  test('an explicit path wins, from the working directory on', () => {
    const control = { control: 'run/a.sock', name: 'b', env, cwd: '/srv/app' }
    expect(controlPath(control)).toBe('/srv/app/run/a.sock')
    expect(controlPath({ ...control, control: '/run/a.sock' })).toBe('/run/a.sock')
  })

  test('$XDG_RUNTIME_DIR, unless it is relative', () => {
    expect(controlPath({ name: 'a', env, uid })).toBe('/xdg/endless/a.sock')
    const temporary = join(tmpdir(), `endless-${uid}/a.sock`)
    expect(controlPath({ name: 'a', env: { XDG_RUNTIME_DIR: 'xdg' }, uid })).toBe(temporary)
    expect(controlPath({ name: 'a', env: { XDG_RUNTIME_DIR: '' }, uid })).toBe(temporary)
  })

  test.skipIf(process.getuid?.() !== 0)('what a login manager made for the user', () => {
    const found = `/run/user/${uid}`
    const made = mkdirSync(found, { recursive: true }) ?? found
    onTestFinished(() => rmSync(made, { recursive: true, force: true }))
    expect(controlPath({ name: 'a', env: {}, uid })).toBe(`${found}/endless/a.sock`)
  })

  test('/run for root, the temporary one for others', () => {
    const logged = controlPath({ name: 'a', env: {}, uid: 0 })
    expect(['/run/endless/a.sock', '/run/user/0/endless/a.sock']).toContain(logged)
    expect(controlPath({ name: 'a', env: {}, uid })).toBe(join(tmpdir(), `endless-${uid}/a.sock`))
  })
})

describe('the name', () => {
  const nameAt = (cwd: string): string =>
    controlPath({ env, uid, cwd }).slice('/xdg/endless/'.length)

  test('is of the nearest package.json that has one', () => {
    const directory = directoryWith({
      'package.json': '{"name":"shop"}',
      'src/package.json': '{"type":"module"}',
      'broken/package.json': '{',
      'own/package.json': '{"name":"@our/own"}',
    })
    expect(
      ['.', 'src', 'broken', 'own', 'own/not/there'].map((at) => nameAt(join(directory, at))),
    ).toEqual(['shop.sock', 'shop.sock', 'shop.sock', 'our-own.sock', 'our-own.sock'])
  })

  test('is of the directory where no package.json has one, and never nothing', () => {
    const directory = directoryWith({ 'my app/file': '' })
    expect(nameAt(join(directory, 'my app'))).toBe('my-app.sock')
    expect(nameAt('/')).toBe('endless.sock')
  })

  test('of the directory as it was entered: current stays current', () => {
    const directory = directoryWith({ 'releases/41/file': '' })
    symlinkSync('releases/41', join(directory, 'current'))
    const cwd = vi.spyOn(process, 'cwd').mockReturnValue(join(directory, 'releases/41'))
    onTestFinished(() => cwd.mockRestore())
    expect(controlPath({ env: { ...env, PWD: join(directory, 'current') } })).toBe(
      '/xdg/endless/current.sock',
    )
  })

  test.each([
    ['@a/b', 'a-b'],
    ['../../etc/x', '..-..-etc-x'],
    ['a b\0c', 'a-b-c'],
    ['Shop_1.2', 'Shop_1.2'],
    ['größe', 'gr--e'],
  ])('%j is the file %s', (name, file) => {
    expect(controlPath({ name, env })).toBe(`/xdg/endless/${file}.sock`)
  })

  test('an empty one is an error, as an empty path', () => {
    for (const one of [{ name: '' }, { control: '' }])
      expect(() => controlPath({ ...one, env })).toThrow(/expected a text, got an empty one/)
  })
})
