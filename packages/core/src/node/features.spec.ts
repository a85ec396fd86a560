import { once } from 'node:events'
import { createServer } from 'node:http'
import net, { Server } from 'node:net'
import { Duplex } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { checkNode, missingForMigration } from './features.js'
import { type Handle, handleOf } from './handle.js'

describe('what this Node lacks', () => {
  test('is nothing, for a listening socket of any kind', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    expect(missingForMigration([handleOf(server) as Handle])).toEqual([])
    server.close()
  })

  test('is named', () => {
    expect(missingForMigration([{ fd: 1, listen: () => 0, close: () => {} }])).toEqual([
      'readStart of a handle',
      'readStop of a handle',
      'onconnection of a handle',
    ])
  })

  test('is the parser, where it cannot say what it is at', () => {
    const socket = new Duplex({ read() {}, write: (_, __, done) => done() })
    createServer().emit('connection', socket)
    const { parser } = socket as unknown as { parser: { finish(): unknown } }
    const prototype: typeof parser = Object.getPrototypeOf(parser)
    const { finish } = prototype
    prototype.finish = () => undefined
    try {
      expect(missingForMigration([])).toEqual([
        'HTTP parser that tells whether it is between two requests',
      ])
    } finally {
      prototype.finish = finish
      socket.destroy()
    }
  })

  test.each([
    [Server.prototype, '_listen2', 'net.Server.prototype._listen2'],
    [net, '_createServerHandle', 'net._createServerHandle'],
  ])('ends the start, where it is for listeners: %#', (owner, name, missing) => {
    checkNode()
    const had = Object.getOwnPropertyDescriptor(owner, name) ?? {}
    Object.defineProperty(owner, name, { ...had, value: undefined })
    try {
      expect(checkNode).toThrow(
        expect.objectContaining({
          code: 'ERR_ENDLESS_NODE',
          message: expect.stringContaining(`${process.version} has no ${missing},`),
        }),
      )
    } finally {
      Object.defineProperty(owner, name, had)
    }
  })
})
