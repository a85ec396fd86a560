import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { bind, type Handle, interceptListen, listenOn, setHandle } from './handle.js'

async function listening(server: Server, ...args: unknown[]): Promise<string> {
  Reflect.apply(server.listen, server, args)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return keyOf(server)
}

function keyOf(server: Server): string {
  return (server as unknown as { _connectionKey: string })._connectionKey
}

/** A server whose socket is bound before Node would do it, as `beforeBegin` has it. */
function gated(): Server {
  const server = createServer()
  interceptListen(server, (call, proceed) => {
    setHandle(server, bind(call) as Handle)
    proceed()
  })
  return server
}

describe("Node's name of a server is its own", () => {
  test.each([[[0]], [[0, '127.0.0.1']], [[0, '0.0.0.0']], [[{ port: 0, host: '::' }]]])(
    'where the socket was bound before: listen(%j)',
    async (args) => {
      expect(await listening(gated(), ...args)).toBe(await listening(createServer(), ...args))
    },
  )

  test('where it was given a handle', async () => {
    const bound = (): Handle => bind(whatever) as Handle
    const server = createServer()
    interceptListen(server, (_, proceed) => proceed())
    expect(await listening(server, bound())).toBe(await listening(createServer(), bound()))
  })

  test('where it listens again', async () => {
    const server = createServer()
    const key = await listening(server, 0)
    server.close()
    await once(server, 'close')
    listenOn(server, bind(whatever) as Handle, undefined)
    expect(keyOf(server)).toBe(key)
  })
})

const whatever = {
  address: '127.0.0.1',
  port: 0,
  addressType: 4,
  backlog: undefined,
  flags: undefined,
}
