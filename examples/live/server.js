// A page that asks all the time, with a WebSocket that all its tabs share; its buttons deploy this very service.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { ControlClient, readStatus } from '@endlessjs/core/control'
import { carried, moveWebSockets, upgrader } from '@endlessjs/ws'
import { WebSocketServer } from 'ws'
import { checkRelease, whileBroken } from './release.js'

checkRelease()
const page = readFileSync(new URL('./page.html', import.meta.url))
const port = Number(process.env.PORT ?? 8_000)
const up = upgrader({ beforeReady: hello })

const server = createServer(async (request, response) => {
  const key = `${request.method} ${request.url}`
  if (key === 'GET /') {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    return response.end(page)
  }
  const action = {
    'GET /tick': tick,
    'POST /deploy': deploy,
    'POST /broken': broken,
    'POST /kill': kill,
  }[key]
  if (!action) return response.writeHead(404).end()
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(await action()))
})

const tick = () => ({ pid: process.pid })

/** Asks the supervisor, as the `endless` command does. */
async function ask(command) {
  const client = await ControlClient.connect(process.env.LIVE_CONTROL)
  try {
    return await client.request(command)
  } finally {
    client.close()
  }
}

async function deploy() {
  const at = performance.now()
  try {
    await ask('reload')
    return told(
      `Deployed, and proved itself, in ${((performance.now() - at) / 1_000).toFixed(1)} s`,
    )
  } catch (error) {
    return told(`Refused: ${error.message.split(/;|\n/)[0]}`)
  }
}

const broken = () => whileBroken(deploy)

async function kill() {
  const { workers } = readStatus(await ask('status'))
  const other = workers.find(({ pid }) => pid !== undefined && pid !== process.pid)
  if (!other) return told('Nobody to kill but me')
  const said = told(`kill -9 ${other.pid}: another one takes its place`, { killed: other.pid })
  // Its own tabs are to hear it, too.
  await delay(100)
  process.kill(other.pid, 'SIGKILL')
  return said
}

/** Says it to every tab. */
function told(text, more = {}) {
  const message = { type: 'log', text, ...more }
  room.publish(message)
  return message
}

const sockets = new WebSocketServer({ server, path: '/live' })
moveWebSockets(sockets, ({ who }) => who)

// Each message reaches each tab once, whichever worker and generation has it.
const room = up.channel('live', (message, to = sockets.clients) => {
  for (const socket of to) socket.send(JSON.stringify(message))
})

sockets.on('connection', (socket, request) => {
  const was = carried(request)
  socket.who = was ?? { id: crypto.randomUUID().slice(0, 8), hue: Math.floor(Math.random() * 360) }
  socket.send(
    JSON.stringify({ type: 'here', pid: process.pid, moved: Boolean(was), ...socket.who }),
  )
  socket.on('message', (data) => {
    const { type, x, y, text } = JSON.parse(data)
    if (type === 'cursor' || type === 'chat') room.publish({ type, x, y, text, ...socket.who })
  })
  socket.on('error', () => {})
  // Not for one that moves: its tab has not left.
  socket.on('close', () => room.publish({ type: 'left', ...socket.who }))
})

function hello() {
  if (up.generation === 0 && process.env.ENDLESS_HELLO !== 'no')
    console.log(`Open http://localhost:${port}/ in two tabs, and deploy. Ctrl-C ends it.`)
}

up.listen(server, port)
await up.ready()
