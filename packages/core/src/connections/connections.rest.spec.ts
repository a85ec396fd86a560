import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test, vi } from 'vitest'
import { get, later, until } from '../node/specs/servers.js'
import { servedOfEachTest } from './specs/served.js'

const served = servedOfEachTest()

const client = async (port: number): Promise<Socket> => (await served.client(port)).socket

/** Listeners of a response as its app gets it. */
async function listenersOn(tracked: boolean): Promise<number> {
  const { app, responses } = later()
  const server = createServer(app)
  const port = await served.listen(server)
  if (!tracked) served.connections.untrack(server)
  const socket = served.connect(port).socket
  socket.write(get)
  await until(() => responses.length === 1)
  const [response] = responses
  return (response?.eventNames() ?? []).flatMap((name) => response?.listeners(name)).length
}

test('a request that nobody asks about has no listener of ours', async () => {
  expect(await listenersOn(true)).toBe(await listenersOn(false))
})

test('a response that is over is let go while its connection stays', async () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const made: WeakRef<ServerResponse>[] = []
  const server = createServer((_, response) => {
    made.push(new WeakRef(response))
    expect(served.connections.inFlight).toBeGreaterThan(0)
    response.end('x')
  })
  const socket = await client(await served.listen(server))
  for (const text of [get, get + get]) {
    const wanted = made.length + text.length / get.length
    socket.write(text)
    await until(() => made.length === wanted)
    await served.untilKinds('idle')
  }
  for (let n = 0; n < 50 && made.some((one) => one.deref()); n++) {
    await turn()
    gc()
  }
  expect(made.map((one) => one.deref() === undefined)).toEqual([true, true, true])
  expect(served.connections.size).toBe(1)
})

test('the end of a request is heard also by who came after its start, once', async () => {
  const { app, responses } = later()
  const socket = await client(await served.listen(createServer(app)))
  socket.write(get)
  await until(() => responses.length === 1)
  const ended = vi.fn()
  const undo = served.connections.onEnd(ended)
  responses[0]?.end()
  await until(() => ended.mock.calls.length === 1)
  expect(ended).toHaveBeenCalledWith([...served.connections][0])
  await served.untilKinds('idle')
  undo()
  socket.write(get)
  await until(() => responses.length === 2)
  responses[1]?.end()
  await served.untilKinds('idle')
  expect(ended).toHaveBeenCalledOnce()
})

test('each is as old as its head, whenever somebody asks', async () => {
  const { app, responses } = later()
  const socket = await client(await served.listen(createServer(app)))
  const marks = [performance.now()]
  for (const text of [get, get, get]) {
    socket.write(text)
    await until(() => responses.length === marks.length)
    marks.push(performance.now())
  }
  const [connection] = served.connections
  const check = (all: readonly number[]): void => {
    const began = connection?.exchanges.map(({ startedAt }) => startedAt) ?? []
    expect(began).toHaveLength(all.length)
    for (const [n, at] of all.entries()) {
      expect(began[n]).toBeGreaterThanOrEqual(marks[at] ?? Number.NaN)
      expect(began[n]).toBeLessThanOrEqual(marks[at + 1] ?? Number.NaN)
    }
  }
  check([0, 1, 2])
  responses[0]?.end()
  await until(() => served.connections.inFlight === 2)
  check([1, 2])
})

test('a response whose app took even the listeners of Node off is over, however often one asks', async () => {
  const { app, responses } = later()
  const socket = await client(await served.listen(createServer(app)))
  socket.write(get)
  await until(() => responses.length === 1)
  expect(served.connections.inFlight).toBe(1)
  responses[0]?.removeAllListeners().end('x')
  await once(socket, 'data')
  await until(() => responses[0]?.writableFinished === true)
  for (const _ of 'twice') expect([...served.connections.kinds().values()]).toEqual(['idle'])
  expect(served.connections.inFlight).toBe(0)
})
