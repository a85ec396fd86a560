// A client that stays connected over upgrades: it connects again whenever it is told to.
import { WebSocket } from 'ws'

function connect() {
  const socket = new WebSocket(process.argv[2] ?? 'ws://localhost:8000/ws')
  socket.on('message', (data) => console.log(String(data)))
  socket.on('error', (error) => console.log(error.message))
  socket.on('close', (code, reason) => {
    console.log(`closed: ${code} ${reason}`)
    // 1012: somebody else serves already, come back. Not all at once: a little later, by chance.
    if (code === 1012) setTimeout(connect, Math.random() * 500)
  })
}

connect()
