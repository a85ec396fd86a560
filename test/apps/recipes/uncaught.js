// uncaught.js
import { setTimeout as delay } from 'node:timers/promises'
import { endless, upgrader } from '@endlessjs/express'
import express from 'express'

const app = express()
app.get('/', (_req, res) => res.send(`hello from ${process.pid}\n`))
app.get('/slow', async (_req, res) => {
  await delay(1_000)
  res.send('done\n')
})
app.get('/boom', () => {
  // Outside of any handler: no error page, no answer.
  setImmediate(() => JSON.parse('{'))
})

// Unhandled rejections come here as well.
process.on('uncaughtException', async (error, origin) => {
  console.error(origin, error)
  const up = upgrader()
  if (up.state === 'starting') process.exit(1)
  // One is enough: later ones find the state 'upgrading' or 'draining'.
  if (up.state !== 'ready') return
  await up.waitForParent()
  await up.upgrade().catch(() => up.shutdown())
})

const hammerTime = Number(process.env.HAMMER_TIME ?? 60_000)
endless(app, { hammerTime }).listen(process.env.PORT ?? 8000)
