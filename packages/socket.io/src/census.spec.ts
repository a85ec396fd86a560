import { createRequire } from 'node:module'
import { expect, test, vi } from 'vitest'
import { Census } from './census.js'
import type { InsideServer } from './internals.js'
import { Members } from './members.js'
import type { Letter, Post } from './post.js'
import type { Question } from './question.js'
import { pack } from './witness.js'

const { Server } = createRequire(import.meta.url)('socket.io') as { Server: new () => object }

/** What another process says to a server without clients, which has asked. */
function made() {
  const io = new Server() as unknown as InsideServer
  const members = new Members(() => {})
  members.hear('other', {})
  const sent: Question[] = []
  const post = {
    send: ({ question }: Letter) => {
      if (question) sent.push(question)
      return true
    },
  }
  const census = new Census(
    io,
    post as Post,
    members,
    () => true,
    () => {},
  )
  const leave = census.join(io.sockets)
  const say = (by: string, values: readonly unknown[], n = 0): void => {
    const parcels = values.map((value) => pack(io, [value]))
    const id = sent[n]?.id ?? ''
    census.hear({ id, to: members.me, parcels, more: false, moves: false }, by)
  }
  return { io, me: members.me, sent, say, leave }
}

const targets = { rooms: new Set(['a']), except: new Set(['b']), flags: { timeout: 1_000 } }
const details = { handshake: { headers: {} }, rooms: ['1', 'a'], data: { bytes: Buffer.from('x') } }

test('a socket of which both ends tell is there once, as the last one says', async () => {
  const { io, me, sent, say } = made()
  const fetched = io.sockets.adapter.fetchSockets(targets)
  expect(sent).toMatchObject([{ kind: 'fetch', nsp: '/', rooms: ['a'], except: ['b'] }])
  say('other', [{ ...details, id: '1', data: 'old' }])
  say(me, [
    { ...details, id: '1' },
    { ...details, id: '2' },
  ])
  expect(await fetched).toEqual([
    { ...details, id: '1' },
    { ...details, id: '2' },
  ])
})

test('a client that both ends have told, and that answers at both, is one', async () => {
  const { io, me, say } = made()
  const count = vi.fn<(clients: number) => void>()
  const ack = vi.fn<(value: unknown) => void>()
  const packet = { type: 2, nsp: '/', data: ['event'] }
  io.sockets.adapter.broadcastWithAck(packet, targets, count, ack)
  say('other', [{ ids: ['1', '2'] }, { id: '1', value: 'yes' }])
  expect(count).not.toHaveBeenCalled()
  say(me, [{ ids: ['2', '3'] }, { id: '1', value: 'again' }])
  await vi.waitFor(() => expect(count.mock.calls).toEqual([[3]]))
  // Later than that of the processes.
  say('other', [{ id: '2', value: undefined }])
  expect(ack.mock.calls).toEqual([['yes'], [undefined]])
})

test('what is local is asked of nobody, and all is as before when it is taken back', async () => {
  const { io, sent, leave } = made()
  const { adapter } = io.sockets
  expect(await adapter.fetchSockets({ ...targets, flags: { local: true } })).toEqual([])
  const count = vi.fn<(clients: number) => void>()
  const packet = { type: 2, nsp: '/', data: ['event'] }
  adapter.broadcastWithAck(packet, { ...targets, flags: { local: true } }, count, () => {})
  expect(count.mock.calls).toEqual([[0]])
  leave()
  expect(await adapter.fetchSockets(targets)).toEqual([])
  expect(sent).toEqual([])
})

test('what is emitted to processes without an ack is answered by nobody', () => {
  const { io, sent } = made()
  io.sockets.adapter.serverSideEmit(['event', 1])
  expect(sent).toMatchObject([{ kind: 'emit', isMute: true }])
})
