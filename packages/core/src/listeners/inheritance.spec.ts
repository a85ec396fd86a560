import { closeSync, fstatSync, openSync } from 'node:fs'
import { describe, expect, test, vi } from 'vitest'
import type { HandedListener } from '../handover/index.js'
import { type Asked, type Handle, type ListenAddress, nameOf } from '../node/index.js'
import type { Activated } from './activation.js'
import { Inheritance, openInherited } from './inheritance.js'

const at = (address: string, port: number): ListenAddress => ({ address, port, family: 'any' })
const tcp = (address: string | null, port: number): Asked => ({ address, port })

function handed(name: string, fd: number, bound: ListenAddress, activated = false): HandedListener {
  return { name, fd, bound, activated }
}

function handle(): Handle {
  return { fd: 3, listen: () => 0, close: vi.fn() }
}

function systemd(fd: number, alias: string, bound: ListenAddress): Activated {
  return { fd, alias, handle: handle(), bound }
}

function claim(inheritance: Inheritance, asked: Asked, name = nameOf(asked)): number | undefined {
  return inheritance.claim(asked, name)?.fd
}

describe('a listen() claims', () => {
  test('the listener of the same words, wherever it stands', () => {
    const inheritance = new Inheritance(
      [
        handed('tcp:*:8000', 4, at('::', 8000)),
        handed('unix:/run/app.sock', 5, '/run/app.sock'),
        handed('tcp:127.0.0.1:8000', 6, at('127.0.0.1', 8000)),
      ],
      [],
    )
    expect(claim(inheritance, tcp('127.0.0.1', 8000))).toBe(6)
    expect(claim(inheritance, { address: '/run/app.sock', port: -1 })).toBe(5)
    expect(claim(inheritance, tcp(null, 8000))).toBe(4)
    expect(inheritance.unclaimed).toEqual([])
  })

  test('each listener once', () => {
    const inheritance = new Inheritance([handed('tcp:*:8000', 4, at('::', 8000))], [])
    expect(claim(inheritance, tcp(null, 8000))).toBe(4)
    expect(claim(inheritance, tcp(null, 8000))).toBeUndefined()
  })

  test('nothing of another port, host or path', () => {
    const inheritance = new Inheritance(
      [handed('tcp:0.0.0.0:8000', 4, at('0.0.0.0', 8000)), handed('unix:/a', 5, '/a')],
      [],
    )
    expect(claim(inheritance, tcp('0.0.0.0', 8001))).toBeUndefined()
    expect(claim(inheritance, tcp('127.0.0.1', 8000))).toBeUndefined()
    expect(claim(inheritance, { address: '/b', port: -1 })).toBeUndefined()
    expect(inheritance.unclaimed).toHaveLength(2)
  })

  test.each([null, '::', '0.0.0.0'])('every address for every other: %s', (asked) => {
    for (const bound of ['::', '0.0.0.0']) {
      const inheritance = new Inheritance([handed('tcp:x', 4, at(bound, 8000))], [])
      expect(claim(inheritance, tcp(asked, 8000))).toBe(4)
    }
  })

  test('the numbered one of several port 0', () => {
    const inheritance = new Inheritance(
      [handed('tcp:*:0#2', 5, at('::', 40_002)), handed('tcp:*:0', 4, at('::', 40_001))],
      [],
    )
    expect(claim(inheritance, tcp(null, 0))).toBe(4)
    expect(claim(inheritance, tcp(null, 0), 'tcp:*:0#2')).toBe(5)
  })

  test('a port 0 that is now asked for by its number', () => {
    const inheritance = new Inheritance([handed('tcp:*:0', 4, at('::', 40_001))], [])
    expect(claim(inheritance, tcp(null, 40_001))).toBe(4)
  })

  test('first an fd, then the words, then the bound address', () => {
    const all = [
      handed('tcp:*:0', 4, at('::', 8000)),
      handed('tcp:*:8000', 5, at('::', 9000)),
      handed('tcp:*:7000', 6, at('::', 7000)),
    ]
    const inheritance = new Inheritance(all, [])
    expect(claim(inheritance, { ...tcp(null, 8000), fd: 6 })).toBe(6)
    expect(claim(inheritance, tcp(null, 8000))).toBe(5)
    expect(claim(inheritance, tcp(null, 8000))).toBe(4)
  })
})

describe('a socket of systemd', () => {
  test('is claimed by its address', () => {
    const inheritance = new Inheritance([], [systemd(3, 'web', at('127.0.0.1', 8000))])
    expect(inheritance.claim(tcp('127.0.0.1', 8000), 'tcp:127.0.0.1:8000')).toMatchObject({
      fd: 3,
      alias: 'web',
      name: 'tcp:127.0.0.1:8000',
      activated: true,
    })
  })

  test.each(['::', '0.0.0.0'])('on %s stands for every host of its port', (wildcard) => {
    const asked = tcp('127.0.0.1', 8000)
    expect(claim(new Inheritance([], [systemd(3, 'web', at(wildcard, 8000))]), asked)).toBe(3)
    expect(claim(new Inheritance([], [systemd(3, 'web', at(wildcard, 80))]), asked)).toBeUndefined()
  })

  test('on a wildcard yields to the exact address', () => {
    const inheritance = new Inheritance(
      [],
      [systemd(3, 'any', at('0.0.0.0', 8000)), systemd(4, 'local', at('127.0.0.1', 8000))],
    )
    expect(claim(inheritance, tcp('127.0.0.1', 8000))).toBe(4)
    expect(claim(inheritance, tcp('127.0.0.1', 8000))).toBe(3)
  })

  test('on a wildcard still does after it was handed on; one of our own never does', () => {
    const bound = at('0.0.0.0', 8000)
    const [activated, own] = [true, false].map(
      (made) => new Inheritance([handed('tcp:0.0.0.0:8000', 4, bound, made)], []),
    )
    expect(activated && claim(activated, tcp('127.0.0.1', 8000))).toBe(4)
    expect(own && claim(own, tcp('127.0.0.1', 8000))).toBeUndefined()
  })

  test('is found by its alias, until it is claimed', () => {
    const inheritance = new Inheritance([], [systemd(3, 'web', at('::', 8000))])
    expect([inheritance.fdOf('web'), inheritance.fdOf('other')]).toEqual([3, undefined])
    claim(inheritance, tcp(null, 8000))
    expect(inheritance.fdOf('web')).toBeUndefined()
  })

  test('that is no stream socket is no listener', () => {
    expect(new Inheritance([], [{ fd: 3, alias: 'udp' }]).unclaimed).toEqual([])
  })
})

test('what nobody claimed is closed, by its handle where it has one', () => {
  const fd = openSync('/dev/null', 'r')
  const kept = openSync('/dev/null', 'r')
  const one = systemd(3, 'web', at('::', 8000))
  const inheritance = new Inheritance(
    [handed('tcp:*:1', fd, at('::', 1)), handed('tcp:*:2', kept, at('::', 2))],
    [one],
  )
  expect(claim(inheritance, tcp(null, 2))).toBe(kept)
  expect(inheritance.closeUnclaimed()).toEqual(['tcp:*:1', 'tcp:*:8000'])
  expect(() => fstatSync(fd)).toThrow('EBADF')
  expect(() => fstatSync(kept)).not.toThrow()
  expect(one.handle?.close).toHaveBeenCalledOnce()
  expect(inheritance.closeUnclaimed()).toEqual([])
  closeSync(kept)
})

test('a handle that is open already is not opened again', () => {
  const one = systemd(3, 'web', at('::', 8000))
  const [inherited] = new Inheritance([], [one]).unclaimed
  expect(inherited && openInherited(inherited)).toBe(one.handle)
})
