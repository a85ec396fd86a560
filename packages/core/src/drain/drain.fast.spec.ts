import { createServer, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { beforeAll, expect, test, vi } from 'vitest'
import { get, until } from '../node/specs/servers.js'
import { drainingInEachTest } from './specs/draining.js'

const { served, begin } = drainingInEachTest()

let isFast: (object: object) => boolean
let isOfOneShape: (one: object, other: object) => boolean

beforeAll(() => {
  setFlagsFromString('--allow-natives-syntax')
  isFast = runInNewContext('(object) => %HasFastProperties(object)')
  isOfOneShape = runInNewContext('(one, other) => %HaveSameMap(one, other)')
})

/** A server that keeps what it is asked with, and one client of it. */
async function serve() {
  const asked: { socket: Socket; response: ServerResponse; listeners: number }[] = []
  const server = createServer((request, response) => {
    const listeners = response.listenerCount('close')
    asked.push({ socket: request.socket, response, listeners })
    response.end()
  })
  return { asked, client: await served.client(await served.listen(server), get, 'idle') }
}

/** V8 throws optimised code away when it meets an object of another shape. */
test('while connections move, a response is as it was before the drain', async () => {
  const { asked, client } = await serve()
  const mayTake = vi.fn(() => true)
  begin({ moved: 0, walk: vi.fn(), takes: () => true, mayTake, onLeft: vi.fn(), cancel: vi.fn() })
  client.socket.write(get)
  await until(() => asked.length === 2 && asked.every(({ response }) => response.closed))
  const [before, during] = asked
  if (!before || !during) throw new Error('not asked')
  expect(mayTake).toHaveBeenCalled()
  expect(isOfOneShape(before.response, during.response)).toBe(true)
  expect(during.listeners).toBe(before.listeners)
})

test('one that is on its way when the drain begins is listened to by nobody more', async () => {
  const asked: { response: ServerResponse; listeners: number }[] = []
  const server = createServer((_, response) => {
    asked.push({ response, listeners: response.listenerCount('close') })
  })
  const client = await served.client(await served.listen(server), get, 'active')
  begin({
    moved: 0,
    walk: vi.fn(),
    takes: () => true,
    mayTake: () => true,
    onLeft: vi.fn(),
    cancel: vi.fn(),
  })
  const [one] = asked
  if (!one) throw new Error('not asked')
  expect(one.response.listenerCount('close')).toBe(one.listeners)
  one.response.end()
  await client.answered()
})

test('what a connection is at is found out without a slow socket', async () => {
  const { asked } = await serve()
  const [one] = asked
  if (!one) throw new Error('not asked')
  expect(isFast(one.socket)).toBe(true)
  expect([...served.connections.kinds().values()]).toEqual(['idle'])
  begin()
  expect(isFast(one.socket)).toBe(true)
})
