// The app that every contender upgrades.
import { setTimeout as delay } from 'node:timers/promises'
import express from 'express'

export const app = express()
app.use(express.json())
app.post('/echo', async (req, res) => {
  await delay(2)
  res.set('x-pid', String(process.pid)).json({ id: req.body.id })
})
