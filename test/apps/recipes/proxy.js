// proxy.js
import { Agent } from 'node:http'
import { endless } from '@endlessjs/express'
import express from 'express'
import { createProxyMiddleware } from 'http-proxy-middleware'

const proxy = createProxyMiddleware({
  target: process.env.TARGET ?? 'http://localhost:9000',
  // Without an agent it says `Connection: close` to the target, and passes the target's on to the client.
  agent: new Agent({ keepAlive: true }),
})
const app = express()
app.use(proxy)

// How long a WebSocket may go on in the old process; then it is cut.
const hammerTime = Number(process.env.HAMMER_TIME ?? 60_000)
const server = endless(app, { hammerTime }).listen(process.env.PORT ?? 8000)
server.on('upgrade', proxy.upgrade)
