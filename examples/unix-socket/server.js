// A Unix socket, as behind nginx on the same machine: its path is there all the time.
import { endless } from '@endlessjs/express'
import express from 'express'

const app = express()

app.get('/', (_req, res) => {
  res.json({ pid: process.pid })
})

// A successor inherits the socket, so an upgrade never touches the file: there is no moment without
// it. A socket that a killed process has left is replaced at the start; a final stop removes ours.
endless(app, { pidFile: process.env.PID_FILE }).listen({
  path: process.env.SOCKET ?? '/tmp/endless-example.sock',
  // Without it only the user of this process may connect; nginx is often another one.
  writableAll: true,
})
