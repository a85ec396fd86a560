import { strangenessOf as strangenessOfWs } from '@endlessjs/ws/inside'
import type { InsideServer, Socket } from './internals.js'

type Kind = 'function' | 'string' | 'number' | 'boolean' | 'object'
type Members = Readonly<Partial<Record<Kind, readonly string[]>>>

/** What is different inside this Socket.IO from what we know; undefined where nothing is. */
export function strangenessOf(io: InsideServer): string | undefined {
  const { engine, encoder, sockets, _parser } = io
  const { adapter } = sockets
  return (
    sayMissing([
      ...missing('Server', io, { function: ['_checkNamespace'], object: ['_nsps'] }),
      ...missing('encoder', encoder, { function: ['encode'] }),
      ...missing('parser', _parser, { function: ['Decoder'] }),
      ...missing('namespace', sockets, {
        function: ['_createSocket', '_remove', '_onServerSideEmit', 'prependListener'],
        number: ['_ids'],
      }),
      ...missing('adapter', adapter, {
        function: [
          'broadcast',
          'broadcastWithAck',
          'fetchSockets',
          'serverSideEmit',
          'addSockets',
          'delSockets',
          'disconnectSockets',
          'persistSession',
        ],
      }),
      ...missing('engine', engine, {
        function: ['generateId', 'handleUpgrade', 'onWebSocket', 'prependListener'],
        object: ['clients', 'opts', 'ws'],
        number: ['clientsCount'],
      }),
    ]) ?? strangenessOfWs(engine.ws ?? {})
  )
}

/** The same of a client, of which there is none before the first has come. */
export function strangenessOfClient(socket: Socket): string | undefined {
  const { client } = socket
  const { conn } = client
  return sayMissing([
    ...missing('socket', socket, {
      function: ['ack', 'registerAckCallback', 'dispatch', 'run', '_onerror', '_cleanup', 'join'],
      object: ['acks', 'handshake', 'data'],
      string: ['id'],
    }),
    ...missing('client', client, {
      function: ['connect', '_packet', 'destroy'],
      object: ['sockets', 'nsps', 'decoder'],
    }),
    ...missing('connection', conn, {
      function: ['sendPacket', 'close'],
      object: ['transport', 'writeBuffer', 'packetsFn'],
      boolean: ['upgrading'],
      string: ['id', 'readyState'],
      number: ['protocol'],
    }),
    ...missing('transport', conn.transport, { boolean: ['writable'], string: ['name'] }),
  ])
}

function missing(what: string, target: object | undefined, members: Members): string[] {
  return Object.entries(members).flatMap(([kind, names]) =>
    names
      .filter((name) => {
        const value: unknown = Reflect.get(Object(target), name)
        return value === null || typeof value !== kind
      })
      .map((name) => `${name} of its ${what}`),
  )
}

function sayMissing(found: readonly string[]): string | undefined {
  return found.length > 0 ? `it has no ${found.join(', ')}` : undefined
}
