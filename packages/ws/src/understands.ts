import type { IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { deflateOf, type Inside, type InsideServer, isStill } from './internals.js'

/** Half of "ab", as a client says it, and the other half. */
const halves = [Buffer.of(0x81, 0x82, 0), Buffer.of(0, 0, 0, 97, 98)] as const

const handshake = {
  method: 'GET',
  headers: {
    upgrade: 'websocket',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    'sec-websocket-version': '13',
    'sec-websocket-extensions': 'permessage-deflate',
  },
}

/** Most emit a message in the turn in which it is read, or can be told to. */
const options = {
  noServer: true,
  perMessageDeflate: { threshold: 0 },
  allowSynchronousEvents: true,
}

const known = new WeakMap<object, string | undefined>()

/**
 * What is different inside this `ws` from what we know; undefined where nothing is. Found out once for each copy of
 * it, with a connection to nobody.
 */
export function strangenessOf(server: object): string | undefined {
  const { constructor: Server } = server
  if (!known.has(Server)) known.set(Server, tried(Server as new (options: object) => InsideServer))
  return known.get(Server)
}

function tried(Server: new (options: object) => InsideServer): string | undefined {
  try {
    return lookAt(connected(new Server(options)))
  } catch (error) {
    return `it threw ${error}`
  }
}

/** One with a connection to nobody. */
export function connected(server: InsideServer): Inside | undefined {
  const duplex = new Duplex({ read() {}, write: (_, __, done) => done() })
  const none = (): Duplex => duplex
  const socket = Object.assign(duplex, { setTimeout: none, setNoDelay: none })
  let found: Inside | undefined
  server.handleUpgrade(handshake as unknown as IncomingMessage, socket, Buffer.alloc(0), (one) => {
    found = one
  })
  return found
}

function lookAt(socket: Inside | undefined): string | undefined {
  if (!socket) return 'it did not accept a handshake'
  const { _receiver: receiver } = socket
  let heard = 0
  socket.once('message', () => heard++)
  socket.once('error', () => {})
  const stills = [isStill(socket)]
  for (const half of halves) {
    receiver.write(half)
    stills.push(isStill(socket))
  }
  const said = [
    { fin: false, compress: false },
    { fin: true, compress: false },
    { fin: true, compress: true },
  ]
  for (const options of said) {
    socket.send('ab', options)
    stills.push(isStill(socket))
  }
  const deflate = deflateOf(socket)
  socket.terminate()
  // Some emit it a moment later, and are not still until then.
  const expected = [true, false, heard === 1, false, true, false]
  if (stills.some((one, n) => one !== expected[n]))
    return `it is still at ${stills}, and not at ${expected}`
  if (typeof deflate?.decompress !== 'function' || !deflate._options || !deflate.params)
    return 'it has another permessage-deflate'
  return undefined
}
