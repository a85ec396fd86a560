// WebSockets that are echoed, counted, and pushed a number each 500 ms. `sockets.js moves` or `told`: on endless; else
// bare, and at SIGINT closed as guides have it.
import { createServer } from 'node:http'
import { carried, moveWebSockets, restartWebSockets, upgrader } from '@endlessjs/ws'
import { WebSocketServer } from 'ws'

const [how] = process.argv.slice(2)
const port = Number(process.env.PORT ?? 0)
const server = createServer()
const sockets = new WebSocketServer({ server, perMessageDeflate: { threshold: 0 } })

sockets.on('connection', (socket, request) => {
  const me = { total: 0, pushed: 0, ...carried(request) }
  socket.me = me
  const timer = setInterval(() => {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify({ push: ++me.pushed }))
  }, 500)
  socket.on('close', () => clearInterval(timer))
  socket.on('error', () => {})
  socket.on('message', (data) => {
    const { n } = JSON.parse(data)
    socket.send(JSON.stringify({ n, total: ++me.total, pid: process.pid }))
  })
})

if (how) {
  await import('@endlessjs/test/report')
  const up = upgrader(JSON.parse(process.env.OPTIONS ?? '{}'))
  if (how === 'moves') moveWebSockets(sockets, (socket) => socket.me)
  else restartWebSockets(sockets)
  up.listen(server, port, '127.0.0.1')
  await up.ready()
} else {
  server.listen(port, '127.0.0.1', () => process.send?.('ready'))
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => {
      server.close(() => process.exit())
      for (const socket of sockets.clients) socket.close(1012, 'service restart')
    })
  process.once('disconnect', () => process.exit())
}
