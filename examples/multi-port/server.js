// Two apps on two ports, in one process: one signal upgrades both, and neither before the other.
import { endless, upgrader } from '@endlessjs/express'
import express from 'express'

const web = express()
web.get('/', (_req, res) => {
  res.json({ pid: process.pid, app: 'web' })
})

// For operators, on the loopback interface alone.
const admin = express()
admin.get('/', (_req, res) => {
  res.json({ pid: process.pid, app: 'admin' })
})
// Who listens, who is connected, and which requests hold a drain.
admin.get('/status', (_req, res) => {
  res.json(upgrader().status())
})
// A deploy by code: the same as `kill -1`, and it says what came of it.
admin.post('/upgrade', async (_req, res) => {
  try {
    res.json(await upgrader().upgrade())
  } catch (error) {
    res.status(500).json({ code: error.code, message: error.message })
  }
})

// Options of the process are given once, with either app. Both listeners are bound before this
// process is ready, and a successor inherits each by what it asked for: port, or host and port.
endless(web, { pidFile: process.env.PID_FILE }).listen(Number(process.env.PORT ?? 8_000))
endless(admin).listen(Number(process.env.ADMIN_PORT ?? 9_000), '127.0.0.1')
