// A page that asks all the time, with a WebSocket that all its tabs share; its buttons deploy this very service.
import { EventEmitter, once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { ControlClient, readProgress, readStatus } from '@endlessjs/core/control'
import { carried, moveWebSockets, upgrader } from '@endlessjs/ws'
import { WebSocketServer } from 'ws'
import { checkRelease, whileReleasing } from './release.js'

checkRelease()
const page = readFileSync(new URL('./page.html', import.meta.url))
const port = Number(process.env.PORT ?? 8_000)
const up = upgrader()

const server = createServer(async (request, response) => {
  const key = `${request.method} ${request.url}`
  if (key === 'GET /') {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    return response.end(page)
  }
  const action = {
    'GET /tick': tick,
    'POST /deploy': () => deploy('good'),
    'POST /broken': () => deploy('broken'),
    'POST /kill': kill,
  }[key]
  if (!action) return response.writeHead(404).end()
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(await answer(action)))
})

async function answer(action) {
  try {
    return await action()
  } catch (error) {
    return told(`Refused: ${firstOf(error.message)}`)
  }
}

const tick = () => ({ pid: process.pid })

/** Asks the supervisor, as the `endless` command does. */
async function ask(command, onEvent) {
  const client = await ControlClient.connect(process.env.LIVE_CONTROL)
  try {
    return await client.request(command, undefined, onEvent)
  } finally {
    client.close()
  }
}

async function deploy(release) {
  const at = performance.now()
  await whileReleasing(release, () => ask('reload', said))
  const seconds = ((performance.now() - at) / 1_000).toFixed(1)
  return told(`Deployed, and proved itself, in ${seconds} s`)
}

/** What the supervisor says meanwhile. */
function said(event) {
  const { phase, slot, pid, text } = readProgress(event) ?? {}
  if (!phase) return
  const who = slot === undefined ? '' : `worker ${slot}: `
  const more = [pid && `pid ${pid}`, text && firstOf(text)].filter(Boolean)
  room.publish({ type: 'said', text: who + [phase, ...more].join(', ') })
}

const firstOf = (text) => text.split(/;|\n/)[0]

async function kill() {
  const { workers } = readStatus(await ask('status'))
  const pid = workers.map((worker) => worker.pid).find((one) => one && one !== process.pid)
  if (!pid) return told('Nobody to kill but me')
  // Its own tabs are to hear it, too, before it is gone.
  const heard = once(hearing, `${pid}`)
  const message = told(`kill -9 ${pid}: another one takes its place`, { killed: pid })
  await Promise.race([heard, delay(2_000)])
  process.kill(pid, 'SIGKILL')
  return message
}

/** Says it to every tab. */
function told(text, more = {}) {
  const message = { type: 'log', text, ...more }
  room.publish(message)
  return message
}

const sockets = new WebSocketServer({ server, path: '/live' })
moveWebSockets(sockets, ({ who }) => who)

/** Of those who are to be killed: their tabs know it. */
const hearing = new EventEmitter()

// Each message reaches each tab once, whichever worker and generation has it.
const room = up.channel('live', (message, to = sockets.clients) => {
  if (message.type === 'heard') return hearing.emit(`${message.pid}`)
  for (const socket of to) socket.send(JSON.stringify(message))
  if (message.killed === process.pid) room.publish({ type: 'heard', pid: process.pid })
})

sockets.on('connection', (socket, request) => {
  const was = carried(request)
  socket.who = was ?? { id: crypto.randomUUID().slice(0, 8), hue: Math.floor(Math.random() * 360) }
  socket.send(
    JSON.stringify({ type: 'here', pid: process.pid, moved: Boolean(was), ...socket.who }),
  )
  socket.on('message', (data) => {
    const { type, x, y, text } = parsed(data)
    if (type === 'cursor' || type === 'chat') room.publish({ type, x, y, text, ...socket.who })
  })
  socket.on('error', () => {})
  // Not for one that moves: its tab has not left.
  socket.on('close', () => room.publish({ type: 'left', ...socket.who }))
})

/** A tab is not to be believed: what is no JSON says nothing. */
function parsed(data) {
  try {
    return JSON.parse(data) ?? {}
  } catch {
    return {}
  }
}

// Its buttons are for whoever sits here.
up.listen(server, port, '127.0.0.1')
await up.ready()
