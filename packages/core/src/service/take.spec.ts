import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { currentUpgrader, upgrader } from './singleton.js'
import { becomeReady, take } from './take.js'

afterEach(async () => {
  await currentUpgrader()?.uninstall()
})

/** A server as the preload finds it; without its log. */
function taken(): Server {
  upgrader({ logger: false })
  const server = createServer()
  take(server)
  return server
}

async function listening(server: Server, host?: string): Promise<void> {
  await once(server.listen(0, host), 'listening')
}

async function turns(): Promise<void> {
  for (let n = 0; n < 20; n++) await turn()
}

test('a server makes the process ready by itself', async () => {
  await listening(taken())
  await vi.waitFor(() => expect(upgrader().state).toBe('ready'))
  expect(upgrader().status().listeners).toHaveLength(1)
})

test('ready is when all listen that were told to, also where a name has to be looked up', async () => {
  const [first, second] = [taken(), taken()]
  const beforeReady = vi.fn()
  upgrader({ beforeReady })
  const late = once(second.listen(0, 'localhost'), 'listening')
  const calls = late.then(() => beforeReady.mock.calls.length)
  await listening(first)
  expect(await calls).toBe(0)
  await vi.waitFor(() => expect(beforeReady).toHaveBeenCalled())
})

test('nobody waits for a server that cannot listen, or is closed before it does', async () => {
  const [first, second, third] = [taken(), taken(), taken()]
  const failed = once(second.listen(0, '192.0.2.1'), 'error')
  const closed = once(third.listen(0, 'localhost').close(), 'close')
  await Promise.all([listening(first), failed, closed])
  await vi.waitFor(() => expect(upgrader().state).toBe('ready'))
})

test('where the app took one of its own without autoReady, it says that it is ready', async () => {
  const plain = taken()
  const own = upgrader().listen(createServer(), 0)
  await Promise.all([listening(plain), once(own, 'listening')])
  await turns()
  expect(upgrader().state).toBe('starting')
  await upgrader().ready()
})

test('who attaches a server as well brings what is held to', async () => {
  const begun = vi.fn()
  const server = taken()
  const letGo = upgrader().attach(server, { beforeBegin: begun, autoReady: true })
  take(server)
  await listening(server)
  expect(begun).toHaveBeenCalledOnce()
  await vi.waitFor(() => expect(upgrader().state).toBe('ready'))
  letGo()
  expect(upgrader().status().listeners).toEqual([])
  server.close()
})

test('one that listens already is left alone', async () => {
  const server = createServer()
  await listening(server)
  take(server)
  expect(currentUpgrader()).toBeUndefined()
  server.close()
})

test('a message says ready: before anything listens nothing comes of it', async () => {
  becomeReady()
  expect(currentUpgrader()).toBeUndefined()
  upgrader({ autoReady: false })
  const server = taken()
  becomeReady()
  await listening(server)
  await turns()
  expect(upgrader().state).toBe('starting')
  becomeReady()
  await vi.waitFor(() => expect(upgrader().state).toBe('ready'))
})
