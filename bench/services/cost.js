// What endless does for each request, alone: `cost.js`. Node says on a channel that a request has begun,
// and the response emits 'close' when it is over; with nobody there both cost next to nothing. Servers are
// bare, attached, and bare again in turns, so that all meet the same machine: the last is what this
// measure sees where there is nothing. Of many runs of a millisecond the least counts, since everything that
// disturbs one only adds to it.
import { channel } from 'node:diagnostics_channel'
import { createServer, IncomingMessage, ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { upgrader } from '@endlessjs/core'

const [cycles, runs] = process.argv.slice(2).map(Number)
/** Connections, and requests of one run. */
const [clients, requests] = [25, 1_000]

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')
const start = channel('http.server.request.start')
const up = upgrader({ logger: false, signals: false })
const server = createServer()

function open() {
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  server.emit('connection', socket)
  return socket
}

/** As Node makes them, and hears of their end. */
function messagesOn(sockets) {
  return Array.from({ length: requests }, (_, n) => {
    const socket = sockets[n % clients]
    const request = new IncomingMessage(socket)
    Object.assign(request, { method: 'GET', url: '/', httpVersionMajor: 1, httpVersionMinor: 1 })
    const response = new ServerResponse(request)
    response.on('finish', () => {})
    return { request, response, socket, server }
  })
}

function run(messages) {
  for (const { request, response, socket } of messages) {
    if (start.hasSubscribers) start.publish({ request, response, socket, server })
    response.emit('close')
  }
}

/** @returns the least ns and bytes of a request */
async function phase() {
  const sockets = Array.from({ length: clients }, open)
  const least = { ns: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY }
  for (let n = 0; n < runs; n++) {
    const messages = messagesOn(sockets)
    // No collection comes in between: the young space is larger than all of this.
    if (n % 10 === 0) gc()
    const used = process.memoryUsage().heapUsed
    const began = process.hrtime.bigint()
    run(messages)
    const ns = Number(process.hrtime.bigint() - began)
    const bytes = process.memoryUsage().heapUsed - used
    least.ns = Math.min(least.ns, ns / requests)
    if (bytes >= 0) least.bytes = Math.min(least.bytes, bytes / requests)
  }
  for (const socket of sockets) socket.destroy()
  await turn()
  return least
}

async function attached() {
  const letGo = up.attach(server)
  const found = await phase()
  letGo()
  return found
}

const least = (all) => ({
  ns: Math.min(...all.map(({ ns }) => ns)),
  bytes: Math.min(...all.map(({ bytes }) => bytes)),
})

const found = []
// In the first ones V8 compiles.
for (let cycle = -2; cycle < cycles; cycle++) {
  const [bare, ours, again] = [await phase(), await attached(), await phase()]
  if (cycle >= 0) found.push({ bare, ours, again })
}
const of = (side) => least(found.map((one) => one[side]))
process.send({ bare: of('bare'), ours: of('ours'), again: of('again') })
process.once('disconnect', () => process.exit())
