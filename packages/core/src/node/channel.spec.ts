import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { createServer, Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { Channel, channelOf, openChannel } from './channel.js'
import { type Handle, handleOf } from './handle.js'
import { missingForPipes, openPipe, withPipes } from './pipes.js'
import { until } from './specs/servers.js'

/** The far end sends back what it got, and the kind of the handle; it says nothing of what it cannot read. */
const echo = `
  const { ChildProcess, spawn } = require('node:child_process')
  const { Socket } = require('node:net')
  const taken = Object.getPrototypeOf(new ChildProcess()._handle)
  const { spawn: original } = taken
  let Pipe
  taken.spawn = (...args) => {
    const stdio = [args[0].stdio, ...args].find((one) => Array.isArray(one) && one[0]?.handle)
    Pipe = stdio[0].handle.constructor
    return -22
  }
  try { spawn('node', { stdio: ['pipe', 'ignore', 'ignore'] }) } catch {}
  taken.spawn = original
  const pipe = new Pipe(2)
  pipe.open(3)
  const socket = new Socket({ handle: pipe })
  let text = ''
  const kinds = []
  socket.on('data', (chunk) => {
    if (pipe.pendingHandle) kinds.push(pipe.pendingHandle)
    pipe.pendingHandle = undefined
    text += chunk
    for (let end; (end = text.indexOf('\\n')) >= 0; text = text.slice(end + 1)) {
      const line = text.slice(0, end)
      const handle = line.startsWith('+') ? kinds.shift() : undefined
      const kind = handle?.constructor.name
      handle?.close()
      socket.write(JSON.stringify({ got: JSON.parse(line.replace(/^[+]/, '')), kind }) + '\\n')
    }
  })
`

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

function start(): { channel: Channel; child: ChildProcess; said: unknown[] } {
  const child = withPipes(
    (at) => at === 3,
    () =>
      spawn(process.execPath, ['-e', echo], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] }),
  )
  children.push(child)
  const channel = channelOf(child.stdio[3] as Socket)
  const said: unknown[] = []
  channel.listen((message) => said.push(message))
  return { channel, child, said }
}

async function listening(): Promise<{ handle: Handle; close: () => void }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { handle: handleOf(server) as Handle, close: () => server.close() }
}

function hears(channel: Channel, count: number): Promise<void> {
  return new Promise((done) => {
    let heard = 0
    const stop = channel.listen(() => {
      if (++heard < count) return
      stop()
      done()
    })
  })
}

test('this Node lacks nothing', () => {
  expect(missingForPipes()).toEqual([])
})

describe('a message arrives', () => {
  test('with its handle and without, in order, in one turn; the handle stays open here', async () => {
    const { channel, said } = start()
    const { handle, close } = await listening()
    const sent: unknown[] = []
    const all = hears(channel, 6)
    for (const n of [0, 1, 2, 3, 4, 5])
      channel.send({ n }, (error) => sent.push(error ?? n), n % 3 === 1 ? handle : undefined)
    await all
    expect(said).toEqual(
      [0, 1, 2, 3, 4, 5].map((n) => ({ got: { n }, ...(n % 3 === 1 && { kind: 'TCP' }) })),
    )
    expect(sent).toEqual([0, 1, 2, 3, 4, 5])
    expect(handle.fd).toBeGreaterThan(0)
    close()
  })

  test('whole, however long it is, with its handle', async () => {
    const { channel, said } = start()
    const { handle, close } = await listening()
    const text = 'ä\n'.repeat(200_000)
    const all = hears(channel, 3)
    channel.send({ text }, undefined, handle)
    channel.send({ text })
    channel.send({ n: 1 }, undefined, handle)
    await all
    expect(said).toEqual([
      { got: { text }, kind: 'TCP' },
      { got: { text } },
      { got: { n: 1 }, kind: 'TCP' },
    ])
    close()
  })
})

test('the end of the other end is seen, and told to whoever sends', async () => {
  const { channel, child } = start()
  expect(channel.isOpen).toBe(true)
  child.kill('SIGKILL')
  await channel.closed
  expect(channel.isOpen).toBe(false)
  expect(await new Promise((sent) => channel.send({ late: true }, sent))).toBeInstanceOf(Error)
})

test('what the other end dies over is not sent, and nothing after it', async () => {
  const { channel, child, said } = start()
  channel.send({ n: 0 })
  await until(() => said.length === 1)
  child.kill('SIGSTOP')
  // More than the kernel takes of it.
  const sent = ['x'.repeat(1_000_000), 'x', 'y'].map(
    (text) => new Promise((done) => channel.send({ text }, done)),
  )
  child.kill('SIGKILL')
  const error = expect.any(Error)
  expect(await Promise.all(sent)).toEqual([error, error, error])
})

test('one that somebody else writes into is closed', async () => {
  const socket = new Socket({ fd: 0, readable: false, writable: false })
  const channel = new Channel(socket, {} as never)
  socket.emit('data', Buffer.from('Usage: app\n'))
  await channel.closed
  expect(channel.isOpen).toBe(false)
})

test('where there is nothing, or something else, there is no far end', async () => {
  await using file = await open('/dev/null')
  expect([openChannel(4_000), openChannel(file.fd)]).toEqual([undefined, undefined])
})

test('an fd that is none opens no pipe', () => {
  expect(openPipe(4_000)).toBeUndefined()
})

test('what cannot be spawned leaves everything as it was', () => {
  const boom = new Error('boom')
  expect(() =>
    withPipes(
      () => true,
      () => {
        throw boom
      },
    ),
  ).toThrow(boom)
  const plain = spawn('true', { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
  expect(plain.stdio[3]).toBeInstanceOf(Socket)
})

test('what has come is heard within a turn, in order with what comes by the event loop', async () => {
  const { channel, said } = start()
  channel.send({ n: 0 })
  await until(() => said.length === 1)
  channel.send({ n: 1 })
  channel.send({ text: 'x'.repeat(40_000) })
  // No turn of the event loop: only a look can bring it.
  const deadline = performance.now() + 10_000
  while (said.length < 3 && performance.now() < deadline) channel.poll()
  expect(said.length).toBe(3)
  channel.poll()
  channel.send({ n: 3 })
  await until(() => said.length === 4)
  expect(said.map((one) => (one as { got: { n?: number } }).got.n)).toEqual([0, 1, undefined, 3])
  channel.close()
  channel.poll()
})
