// socketio.js
import { createServer } from 'node:http'
import { upgrader } from '@endlessjs/core'
import { Server } from 'socket.io'

const server = createServer()
const io = new Server(server)
io.on('connection', (socket) => socket.on('who', (reply) => reply(process.pid)))

// Closes the transports: clients reconnect by themselves. After disconnectSockets() they would not.
const up = upgrader({ onDrain: () => void io.engine.close() })
up.listen(server, process.env.PORT ?? 8000)
await up.ready()
