import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { EndlessError } from '../errors.js'
import { thrownBy } from '../node/specs/thrown.js'
import { Generation } from './generation.js'
import { PidFile, tryPidFile } from './pidfile.js'

const own = `${process.pid}\n`
let directory = ''
let path = ''

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'endless-pid-'))
  path = join(directory, 'app.pid')
})

afterEach(() => rmSync(directory, { recursive: true }))

const text = (): string => readFileSync(path, 'utf8')

describe('writing', () => {
  test('puts our pid and a line feed there, and leaves nothing beside it', () => {
    new PidFile(path).write()
    expect(text()).toBe(own)
    expect(readdirSync(directory)).toEqual(['app.pid'])
  })

  test('prepares beside the file: the old one stays until it is published', () => {
    writeFileSync(path, '1\n')
    const pidFile = new PidFile(path)
    pidFile.prepare()
    expect(text()).toBe('1\n')
    pidFile.publish()
    expect(text()).toBe(own)
  })

  test('replaces the file as a whole: who has the old one open reads all of it', () => {
    writeFileSync(path, '1234567\n')
    const old = openSync(path, 'r')
    const { ino } = statSync(path)
    new PidFile(path).write()
    expect(readFileSync(old, 'utf8')).toBe('1234567\n')
    expect(statSync(path).ino).not.toBe(ino)
    closeSync(old)
  })

  test('the directory is the one of the start, wherever the process goes', () => {
    const pidFile = new PidFile(relative(process.cwd(), path))
    const cwd = vi.spyOn(process, 'cwd').mockReturnValue('/')
    pidFile.write()
    cwd.mockRestore()
    expect(text()).toBe(own)
  })

  test('discard takes a prepared file back, and nothing else', () => {
    writeFileSync(path, '1\n')
    const pidFile = new PidFile(path)
    pidFile.prepare()
    pidFile.discard()
    pidFile.discard()
    expect(readdirSync(directory)).toEqual(['app.pid'])
    expect(text()).toBe('1\n')
  })
})

describe('removing', () => {
  test('removes the file that holds our pid', () => {
    const pidFile = new PidFile(path)
    pidFile.write()
    pidFile.remove()
    expect(readdirSync(directory)).toEqual([])
  })

  test.each([`${process.pid + 1}\n`, '', 'nonsense'])('keeps one that holds %j', (other) => {
    writeFileSync(path, other)
    new PidFile(path).remove()
    expect(text()).toBe(other)
  })

  test('does nothing where there is none', () => {
    expect(() => new PidFile(path).remove()).not.toThrow()
  })
})

describe('a directory that cannot be written', () => {
  const elsewhere = (name: string) => () => join(directory, name, 'app.pid')

  test.each([
    ['is not there', elsewhere('missing')],
    ['is a file', elsewhere('file')],
  ])('that %s: ERR_ENDLESS_PIDFILE with path, cause and what to do', (_, pathOf) => {
    writeFileSync(join(directory, 'file'), '')
    const error = thrownBy(() => new PidFile(pathOf()).prepare())
    expect(error).toBeInstanceOf(EndlessError)
    expect(error).toMatchObject({
      code: 'ERR_ENDLESS_PIDFILE',
      message: expect.stringMatching(/check that its directory exists/),
      cause: expect.objectContaining({ syscall: 'open' }),
    })
    expect(String(error)).toContain(pathOf())
  })

  test('a path that is a directory fails when it is published', () => {
    mkdirSync(path)
    const pidFile = new PidFile(path)
    pidFile.prepare()
    expect(thrownBy(() => pidFile.publish())).toMatchObject({ code: 'ERR_ENDLESS_PIDFILE' })
  })

  test('discarding what could not be prepared throws nothing: the first error counts', () => {
    writeFileSync(join(directory, 'file'), '')
    for (const name of ['missing', 'file'])
      expect(() => new PidFile(elsewhere(name)()).discard()).not.toThrow()
  })
})

test('a service that serves only logs it', () => {
  const error = vi.fn()
  const generation = new Generation(undefined)
  generation.settings.merge({ logger: { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error } })
  const pidFile = new PidFile(join(directory, 'missing', 'app.pid'))
  tryPidFile(generation, () => pidFile.write())
  expect(error).toHaveBeenCalledWith(
    expect.objectContaining({ err: expect.objectContaining({ code: 'ERR_ENDLESS_PIDFILE' }) }),
    'The pid file is not up to date',
  )
})

describe('claiming', () => {
  const claim = (...relatives: number[]): string[] => {
    const warnings: string[] = []
    new PidFile(path).claim(relatives, (message) => warnings.push(message))
    return warnings
  }
  const living = process.ppid

  test.each([
    ['nothing', undefined],
    ['our own pid', own],
    ['no pid', 'nonsense'],
    ['a pid that no process has', '2147483647'],
  ])('a file that has %s is ours', (_, content) => {
    if (content !== undefined) writeFileSync(path, content)
    expect(claim()).toEqual([])
  })

  test('one that names a process that came before us is ours', () => {
    writeFileSync(path, `${living}\n`)
    expect(claim(living)).toEqual([])
  })

  test.runIf(process.platform === 'linux')('one whose writer lives is another service’s', () => {
    writeFileSync(path, `${living}\n`)
    expect(thrownBy(() => claim(1))).toMatchObject({
      code: 'ERR_ENDLESS_PIDFILE',
      message: expect.stringMatching(
        `^pid file ${path}: it names pid ${living} \\(.+\\), which lives .* two pid files`,
      ),
    })
  })

  test('one that is older than the process it names is stale: that only has its number', () => {
    writeFileSync(path, `${living}\n`)
    utimesSync(path, 1, 1)
    expect(claim()).toEqual([
      expect.stringMatching(`^The pid file ${path} was stale: it named pid ${living} `),
    ])
  })
})
