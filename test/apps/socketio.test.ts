// Socket.IO as docs/recipes.md has it: whatever its transport, no client is stranded.
import { join } from 'node:path'
import { io, type Socket } from 'socket.io-client'
import { expect, onTestFinished, test } from 'vitest'
import { Raw } from '../support/raw.js'
import { startRecipe } from '../support/recipe.js'
import type { Service } from '../support/service.js'

const recipe = join(import.meta.dirname, 'recipes/socketio.js')

/** What a client may go by; the first is what it does by default. */
const transports = [['polling', 'websocket'], ['websocket'], ['polling']]

function connect(service: Service, how: readonly string[]): Socket {
  const socket = io(`http://127.0.0.1:${service.port()}`, {
    transports: [...how],
    reconnectionDelay: 10,
    reconnectionDelayMax: 50,
    forceNew: true,
  })
  onTestFinished(() => void socket.close())
  return socket
}

/** The pid that answers; waits for a connection, and asks again where that ends meanwhile. */
async function who(socket: Socket): Promise<number> {
  for (;;) {
    const answer = await socket
      .timeout(500)
      .emitWithAck('who')
      .catch(() => undefined)
    if (typeof answer === 'number') return answer
    // One that was told to go for good does not come back by itself.
    if (!socket.active) throw new Error('this client is stranded')
  }
}

/** Asks until each client is where it should be. */
async function allAt(sockets: readonly Socket[], pid: number): Promise<void> {
  await Promise.all(
    sockets.map(async (socket) => {
      while ((await who(socket)) !== pid);
    }),
  )
}

test('socketio: after each upgrade every client is with the successor, whatever its transport', async () => {
  await using service = await startRecipe(recipe)
  const sockets = [...transports, ...transports, ...transports, ...transports].map((how) =>
    connect(service, how),
  )
  const reasons: string[] = []
  for (const socket of sockets) socket.on('disconnect', (reason) => reasons.push(reason))
  await allAt(sockets, service.pid)
  for (let n = 0; n < 3; n++) await allAt(sockets, await service.handOver())
  // After each of these a client comes back by itself; a poll that was under way ends in an error. After
  // 'io server disconnect' it would not.
  expect(['transport close', 'transport error']).toEqual(
    expect.arrayContaining([...new Set(reasons)]),
  )
  expect(reasons.length).toBeGreaterThanOrEqual(3 * sockets.length)
  service.signal('SIGTERM')
  await service.ended
  expect(new Set(service.all({ event: 'exit' }).map(({ code }) => code))).toEqual(new Set([0]))
  expect(service.all({ event: 'hammer' })).toEqual([])
})

test('socketio: clients that connect all the time find a way in', async () => {
  await using service = await startRecipe(recipe)
  let [stopped, count] = [false, 0]
  const comers = transports.map(async (how) => {
    while (!stopped) {
      const socket = connect(service, how)
      await who(socket)
      socket.close()
      count++
    }
  })
  for (let n = 0; n < 3; n++) {
    const before = count
    while (count < before + 6) await who(connect(service, ['websocket']))
    await service.handOver()
  }
  stopped = true
  await Promise.all(comers)
  await service.stop()
})

test('socketio: a generation that serves again takes WebSockets again', async () => {
  await using service = await startRecipe(recipe)
  const socket = connect(service, ['websocket'])
  await allAt([socket], service.pid)
  // Half a request keeps the old generation there until the new one has died.
  const held = await Raw.open(service.port())
  held.write('POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n')
  await service.until({ event: 'request' })
  const { successor } = await service.hup()
  await allAt([socket], Number(successor))
  service.signal('SIGKILL', Number(successor))
  await service.until({ event: 'state', from: 'draining', to: 'ready', pid: service.pid })
  await allAt([socket], service.pid)
  held.socket.destroy()
  await allAt([socket], Number((await service.hup(service.pid)).successor))
  await service.stop()
})

test('socketio: disconnectSockets() in onDrain strands every client', async () => {
  await using service = await startRecipe(
    join(import.meta.dirname, 'fixtures/socketio-disconnect.js'),
  )
  const sockets = transports.map((how) => connect(service, how))
  await allAt(sockets, service.pid)
  const reasons = sockets.map(
    (socket) => new Promise((resolve) => socket.once('disconnect', resolve)),
  )
  await service.hup()
  expect(await Promise.all(reasons)).toEqual(sockets.map(() => 'io server disconnect'))
  // It tries nothing any more.
  expect(sockets.map(({ active }) => active)).toEqual(sockets.map(() => false))
  await service.stop()
})
