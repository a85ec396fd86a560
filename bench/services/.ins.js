// `instructions.js express ours 8000`: that many requests on kept connections, over real sockets, from a client in
// the same process; then the end. What it takes is counted from outside.
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const [framework, side, count] = process.argv.slice(2)
const { [side]: serve } = await import(`./frameworks/.x.js`)

const connections = 8
const request = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
let left = Number(count)

const server = await serve(() => ({ hello: 'world' }))
if (!server.listening) await once(server, 'listening')
// What begins with the service is over.
await delay(500)
for (let n = 0; n < connections; n++) {
  const socket = connect(server.address().port, '127.0.0.1')
  socket.once('connect', () => socket.write(request))
  socket.on('data', () => {
    left -= 1
    // An orderly end would be counted, too.
    if (left <= 0) process.reallyExit(0)
    socket.write(request)
  })
}
