// A protocol of its own, a line for each message: a chat in which nobody is cut off by a deploy, and what the server
// knows of a client goes along.
import { createServer } from 'node:net'
import { carried, carry, upgrader } from '@endlessjs/core'

const clients = new Map()

const up = upgrader({ pidFile: process.env.PID_FILE })
// While they move, they are in two processes: what is said in the one is written in both, to each client once.
const room = up.channel('chat', (text, to = clients.keys()) => {
  for (const socket of to) socket.write(`${text}\n`)
})

const server = createServer((socket) => {
  // What the predecessor knew of this client; undefined for a new one.
  const was = carried(socket)
  const client = { name: 'somebody', said: 0, rest: '', ...was }
  clients.set(socket, client)
  socket.setEncoding('utf8')
  if (!was) socket.write(`welcome, this is ${process.pid}\n`)

  function take(line) {
    const [command, ...words] = line.split(' ')
    if (command === 'name') client.name = words.join(' ')
    else if (command === 'who')
      socket.write(`you are ${client.name}, at ${process.pid}, and said ${client.said} things\n`)
    else {
      client.said += 1
      room.publish(`${client.name}: ${line}`)
    }
  }

  socket.on('data', (text) => {
    const lines = (client.rest + text).split('\n')
    // Half a line may be all that has come when the connection moves: it is part of the state.
    client.rest = lines.pop()
    for (const line of lines) take(line)
  })
  // Not called for one that moves: that client has not left.
  socket.on('close', () => {
    clients.delete(socket)
    room.publish(`${client.name} left`)
  })
  socket.on('error', () => {})

  carry(socket, { state: () => client, gone: () => clients.delete(socket) })
})

up.listen(server, Number(process.env.PORT ?? 7_000))
await up.ready()
