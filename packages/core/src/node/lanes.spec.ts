import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, Socket } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { type Handle, handleOf } from './handle.js'
import { laneOf, missingForLanes, openLanes, withLanes } from './lanes.js'

afterEach(() => vi.restoreAllMocks())

test('this Node lacks nothing', () => {
  expect(missingForLanes()).toEqual([])
})

/** Opens fd 4 as Node itself opens a channel, and says what came with a message. */
const child = `
  const channel = process[Object.getOwnPropertySymbols(process).find(
    (one) => one.description === 'kChannelHandle')]
  const pipe = new channel.constructor(2)
  pipe.open(4)
  const socket = new (require('node:net').Socket)({ handle: pipe })
  socket.on('data', (text) => {
    const { pendingHandle: handle } = pipe
    process.send({ text: String(text), kind: handle?.constructor.name })
    pipe.pendingHandle = undefined
    handle?.close()
  })
  process.send('open')
`

test('a lane carries a text and a handle, which stays open here; its own errors are told', async () => {
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'] as const
  const far = withLanes(
    (at) => at === 4,
    () => spawn(process.execPath, ['-e', child], { stdio: [...stdio] }),
  )
  await once(far, 'message')
  const lane = laneOf(far.stdio[4] as Socket)
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cargo = handleOf(server) as Handle
  const sent = vi.fn()
  for (const text of ['first', 'second']) {
    lane.send(text, cargo, sent)
    expect((await once(far, 'message'))[0]).toEqual({ text, kind: 'TCP' })
  }
  expect(sent.mock.calls.map(([error]) => error ?? 'sent')).toEqual(['sent', 'sent'])
  expect(cargo.fd).toBeGreaterThan(0)
  lane.close()
  const error = await new Promise((done) => lane.send('late', cargo, done))
  expect(error).toBeInstanceOf(Error)
  await once(far, 'close')
  server.close()
})

test('what cannot be spawned leaves everything as it was', () => {
  const boom = new Error('boom')
  expect(() =>
    withLanes(
      () => true,
      () => {
        throw boom
      },
    ),
  ).toThrow(boom)
  const plain = spawn('true', { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
  expect(plain.stdio[3]).toBeInstanceOf(Socket)
})

test('without a channel of Node’s there is no far end', () => {
  // This process may have one: that of the test runner.
  vi.spyOn(Object, 'getOwnPropertySymbols').mockReturnValue([])
  expect(openLanes([99], () => {})).toBeUndefined()
})
