// WebSockets on Fastify, by @fastify/websocket: at an upgrade the clients are told to come back.
import { endless, restartWebSockets } from '@endlessjs/fastify'
import websocket from '@fastify/websocket'
import Fastify from 'fastify'

const fastify = Fastify({ logger: true })

await fastify.register(endless, {
  pidFile: process.env.PID_FILE,
  // A client that was told to go and stays is cut after this long.
  hammerTime: Number(process.env.HAMMER_TIME ?? 30_000),
})
await fastify.register(websocket)

fastify.get('/', async () => ({ pid: process.pid, sockets: fastify.websocketServer.clients.size }))

fastify.get('/ws', { websocket: true }, (socket) => {
  socket.send(`hello from ${process.pid}`)
  socket.on('message', (data) => socket.send(`${process.pid}: ${data}`))
})

// Closes each of them when this process drains: code 1012 (service restart) at an upgrade, 1001
// (going away) at a final stop. Whoever connects again finds the successor.
restartWebSockets(fastify.websocketServer, { upgrader: fastify.endless })

await fastify.listen({ port: Number(process.env.PORT ?? 8_000), host: '::' })
