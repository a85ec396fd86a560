import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { closeSync, fstatSync, openSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { EndlessError } from '../errors.js'
import { fdIn } from '../node/index.js'
import { Files } from './files.js'

const isOpen = (fd: number): boolean => {
  try {
    fstatSync(fd)
    return true
  } catch {
    return false
  }
}

describe('what is added goes to the successor', () => {
  test('an fd, under its name', () => {
    const files = new Files()
    files.add('a', 7)
    files.add('b', { fd: 8 })
    expect(files.parcel()).toEqual([
      { name: 'a', fd: 7 },
      { name: 'b', fd: 8 },
    ])
  })

  test('a FileHandle', async () => {
    await using handle = await open('/dev/null')
    const files = new Files()
    files.add('log', handle)
    expect(files.parcel()).toEqual([{ name: 'log', fd: handle.fd }])
  })

  test('a server, a connection and a datagram socket', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect(server.address() as { port: number })
    await once(client, 'connect')
    const udp = createSocket('udp4').bind(0, '127.0.0.1')
    await once(udp, 'listening')
    const files = new Files()
    files.add('server', server)
    files.add('client', client)
    files.add('udp', udp)
    const fds = files.parcel().map(({ fd }) => fd)
    expect(fds.map((fd) => fstatSync(fd).isSocket())).toEqual([true, true, true])
    expect(new Set(fds).size).toBe(3)
    expect(fds[0]).toBe(fdIn(server))
    client.destroy()
    udp.close()
    server.close()
  })

  test('until it is taken out, which does not close it', () => {
    const fd = openSync('/dev/null', 'r')
    const files = new Files()
    const undo = files.add('a', fd)
    undo()
    undo()
    expect(files.parcel()).toEqual([])
    expect(isOpen(fd)).toBe(true)
    closeSync(fd)
  })

  test('the last one of a name counts, and the undo of an earlier one leaves it', () => {
    const files = new Files()
    const undo = files.add('a', 7)
    files.add('a', 8)
    undo()
    expect(files.parcel()).toEqual([{ name: 'a', fd: 8 }])
  })

  test('with the fd that it has then: one that was closed meanwhile is named', async () => {
    const server = createServer().listen(0)
    await once(server, 'listening')
    const files = new Files()
    files.add('mine', server)
    server.close()
    expect(() => files.parcel()).toThrow(/addFile\("mine"\): expected an open fd/)
  })
})

test.each([
  ['a server that does not listen', createServer()],
  ['a socket that is not bound', createSocket('udp4').unref()],
  ['an object', {}],
  ['-1', -1],
  ['no integer', 1.5],
])('%s is refused at once', (_, file) => {
  const files = new Files()
  expect(() => files.add('a', file)).toThrow(EndlessError)
  expect(() => files.add('a', file)).toThrow(
    expect.objectContaining({ code: 'ERR_ENDLESS_OPTION' }),
  )
  expect(files.parcel()).toEqual([])
})

describe('what is inherited', () => {
  test('is taken by name, again and again, and passed on', () => {
    const files = new Files([
      ['a', 70],
      ['b', 71],
    ])
    expect(files.parcel()).toEqual([])
    expect([files.take('a'), files.take('a'), files.take('c')]).toEqual([70, 70, undefined])
    expect(files.parcel()).toEqual([{ name: 'a', fd: 70 }])
  })

  test('is closed when nobody took it, and only then', () => {
    const [taken, left] = [openSync('/dev/null', 'r'), openSync('/dev/null', 'r')]
    const files = new Files([
      ['taken', taken],
      ['left', left],
    ])
    files.take('taken')
    expect(files.closeUnclaimed()).toEqual(['left'])
    expect([isOpen(taken), isOpen(left)]).toEqual([true, false])
    expect(files.take('left')).toBeUndefined()
    expect(files.closeUnclaimed()).toEqual([])
    closeSync(taken)
  })
})
