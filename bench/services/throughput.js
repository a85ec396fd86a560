// One framework, bare or on endless: `throughput.js express ours`. Counts what it answers, and says
// over IPC how much that was, and what it cost.
import { once } from 'node:events'

const [framework, side] = process.argv.slice(2)
const { [side]: serve } = await import(`./frameworks/${framework}.js`)

let requests = 0
const answer = () => {
  requests += 1
  return { hello: 'world' }
}

const server = await serve(answer)
if (!server.listening) await once(server, 'listening')
process.on('message', () =>
  process.send({ requests, cpu: process.cpuUsage(), at: performance.now() }),
)
process.once('disconnect', () => process.exit())
process.send({ port: server.address().port })
