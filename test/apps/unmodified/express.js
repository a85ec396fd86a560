import { setTimeout as delay } from 'node:timers/promises'
import express from 'express'

const app = express()
app.get('/', (_req, res) => {
  res.send(`hello from ${process.pid}\n`)
})
app.get('/slow', async (_req, res) => {
  await delay(300)
  res.send('done\n')
})
app.listen(process.env.PORT ?? 8000)
