import { createRequire } from 'node:module'
import { expect, test, vi } from 'vitest'
import type { InsideServer, Namespace, Packet, Socket, Targets } from './internals.js'
import type { Letter, Post } from './post.js'
import { type Call, Rooms } from './rooms.js'

const { Server } = createRequire(import.meta.url)('socket.io') as { Server: new () => object }

/** Rooms of a server without clients, and all that is said and done. */
function made(isHere: (socket: Socket) => boolean = () => true) {
  const io = new Server() as unknown as InsideServer
  const nsp = io.sockets
  const done = vi.fn<(packet: Packet, targets: Targets) => void>()
  const joined = vi.fn<(targets: Targets, rooms: unknown) => void>()
  Object.assign(nsp.adapter, { broadcast: done, addSockets: joined })
  const sent: Call[] = []
  const post = {
    send: ({ call }: Letter) => {
      // As a channel says it to others.
      if (call) sent.push(JSON.parse(JSON.stringify(call)) as Call)
      if (call) rooms.hear(call, undefined)
      return true
    },
  }
  const rooms = new Rooms(io, post as Post, isHere)
  rooms.join(nsp)
  return { nsp, done, joined, sent, rooms }
}

function join(nsp: Namespace, id: string, conn: object, ...rooms: string[]): void {
  const socket = { id, rooms: new Set([id, ...rooms]), client: { conn } } as unknown as Socket
  ;(nsp.sockets as Map<unknown, Socket>).set(id, socket)
}

const to = (...rooms: string[]): Targets => ({
  rooms: new Set(rooms),
  except: new Set(),
  flags: {},
})
const event = (...data: unknown[]): Packet => ({ type: 2, nsp: '/', data })

test('an event is done here once, and by others as the parser says it, bytes too', () => {
  const { nsp, done, sent, rooms } = made()
  const said = event('a', { toJSON: () => 'b' }, Buffer.from('c'))
  nsp.adapter.broadcast(said, to('x'))
  expect(done.mock.calls).toEqual([[said, to('x')]])
  done.mockClear()
  for (const call of sent) rooms.hear(call, undefined)
  expect(done.mock.calls).toEqual([
    [expect.objectContaining({ data: ['a', 'b', Buffer.from('c')] }), to('x')],
  ])
})

test('what is for one that is here, and what is local, is said to nobody else', () => {
  const { nsp, done, sent } = made()
  join(nsp, 'one', {})
  nsp.adapter.broadcast(event('a'), to('one'))
  nsp.adapter.broadcast(event('b'), { ...to('x'), flags: { local: true } })
  expect([done.mock.calls.length, sent]).toEqual([2, []])
})

test('what is for one that is about to go is said to all', () => {
  const { nsp, sent } = made(() => false)
  join(nsp, 'one', {})
  nsp.adapter.broadcast(event('a'), to('one'))
  expect(sent).toHaveLength(1)
})

test('who has just come is the only one that hears what it has missed, where it is meant', () => {
  const { nsp, done, joined, rooms } = made()
  const conn = {}
  join(nsp, 'one', conn, 'x')
  join(nsp, 'other', {}, 'x')
  const call: Call = { nsp: '/', rooms: ['x'], except: [], flags: {}, parcel: ['2["a"]'] }
  rooms.hear(call, [conn])
  expect(done.mock.calls).toEqual([[expect.objectContaining({ data: ['a'] }), to('one')]])
  for (const one of [
    { ...call, rooms: ['y'] },
    { ...call, except: ['one'] },
  ])
    rooms.hear(one, [conn])
  expect(done).toHaveBeenCalledTimes(1)
  rooms.hear({ nsp: '/', rooms: [], except: [], deed: 'addSockets', value: ['z'] }, [conn])
  expect(joined.mock.calls).toEqual([[expect.objectContaining({ rooms: new Set(['one']) }), ['z']]])
})

test('of a namespace that is not here, and in a parser that is not this one, nothing is done', () => {
  const { done, rooms } = made()
  rooms.hear({ nsp: '/none', rooms: [], except: [], parcel: ['2["a"]'] }, undefined)
  rooms.hear({ nsp: '/', rooms: [], except: [], parcel: ['nonsense'] }, undefined)
  expect(done).not.toHaveBeenCalled()
})
