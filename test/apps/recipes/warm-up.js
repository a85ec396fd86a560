// warm-up.js
import { once } from 'node:events'
import { Agent, createServer, get } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { endless } from '@endlessjs/express'
import express from 'express'

const app = express()
app.get('/', (_, res) => res.send(`hello from ${process.pid}\n`))
app.get('/slow', (_, res) => void delay(300).then(() => res.send('done\n')))

/** Asks the app for what changes nothing, on a port that nobody else knows. */
async function warmUp(path, times) {
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { address: host, port } = server.address()
  const agent = new Agent({ keepAlive: true })
  for (let n = 0; n < times; n++) {
    const [response] = await once(get({ host, port, path, agent }), 'response')
    await text(response)
  }
  agent.destroy()
  server.close()
}

endless(app, { beforeReady: () => warmUp('/', 500) }).listen(process.env.PORT ?? 8000)
