// WebSockets on Express, by the ws package: at an upgrade the clients are told to come back.
import { endless, restartWebSockets } from '@endlessjs/express'
import express from 'express'
import { WebSocketServer } from 'ws'

const app = express()

app.get('/', (_req, res) => {
  res.json({ pid: process.pid, sockets: wss.clients.size })
})

const server = endless(app, {
  pidFile: process.env.PID_FILE,
  // A client that was told to go and stays is cut after this long.
  hammerTime: Number(process.env.HAMMER_TIME ?? 30_000),
}).listen(Number(process.env.PORT ?? 8_000))

const wss = new WebSocketServer({ server, path: '/ws' })

wss.on('connection', (socket) => {
  socket.on('error', console.error)
  socket.send(`hello from ${process.pid}`)
  socket.on('message', (data) => socket.send(`${process.pid}: ${data}`))
})

// Closes each of them when this process drains: code 1012 (service restart) at an upgrade, 1001
// (going away) at a final stop. Whoever connects again finds the successor.
restartWebSockets(wss)
