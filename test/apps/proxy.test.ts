// http-proxy-middleware as docs/recipes.md has it: requests, and WebSockets that go through it.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { startRecipe, stopOf, upgradesOf } from '../support/recipe.js'
import type { Service } from '../support/service.js'

const recipe = join(import.meta.dirname, 'recipes/proxy.js')
let target: Server

beforeAll(async () => {
  target = createServer(async ({ url }, response) => {
    if (url === '/slow') await delay(300)
    response.end('from the target')
  })
  new WebSocketServer({ server: target }).on('connection', (socket) =>
    socket.on('message', (data) => socket.send(data)),
  )
  await once(target.listen(0, '127.0.0.1'), 'listening')
})

afterAll(() => {
  target.close()
  target.closeAllConnections()
})

function start(env: Record<string, string> = {}): Promise<Service> {
  const { port } = target.address() as AddressInfo
  return startRecipe(recipe, { env: { TARGET: `http://127.0.0.1:${port}`, ...env } })
}

async function open(service: Service): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${service.port()}/`)
  await once(socket, 'open')
  return socket
}

async function echo(socket: WebSocket, text: string): Promise<string> {
  socket.send(text)
  const [data] = await once(socket, 'message')
  return String(data)
}

test.concurrent('proxy: upgrades lose nothing, a stop answers what is in flight', async () => {
  await using service = await start()
  await upgradesOf(service, { slow: '/slow' })
  expect((await stopOf(service, { slow: '/slow' })).status).toBe(200)
})

test.concurrent('proxy: a WebSocket lives through the drain of its process, which ends with it', async () => {
  await using service = await start()
  const socket = await open(service)
  expect(await echo(socket, 'before')).toBe('before')
  const { successor } = await service.hup()
  await service.until({ event: 'drain', phase: 'start' })
  expect(await echo(socket, 'while it drains')).toBe('while it drains')
  const newcomer = await open(service)
  expect(await echo(newcomer, 'to the successor')).toBe('to the successor')
  socket.close()
  expect(await service.exited).toEqual({ code: 0, signal: null })
  expect(await echo(newcomer, 'still')).toBe('still')
  newcomer.close()
  service.signal('SIGTERM', Number(successor))
  await service.ended
})

test.concurrent('proxy: a WebSocket that stays is cut when the hammer falls', async () => {
  await using service = await start({ HAMMER_TIME: '500' })
  const socket = await open(service)
  await service.hup()
  const [code] = await once(socket, 'close')
  expect(code).toBe(1006)
  expect(await service.exited).toEqual({ code: 1, signal: null })
  await service.stop()
})
