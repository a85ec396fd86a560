// HTTPS: the same as HTTP, with the options of https.createServer.
import { endless } from '@endlessjs/express'
import express from 'express'
// Your own would be { key: readFileSync('…'), cert: readFileSync('…') }.
import { certificate } from '../certificate.js'

const app = express()

app.get('/', (req, res) => {
  res.json({ pid: process.pid, protocol: req.socket.getProtocol() })
})

// `https` makes it a TLS server. Each generation reads the files when it starts, so an upgrade is
// also how a renewed certificate is taken up. The keys of the session tickets go along to the
// successor, so clients resume their TLS sessions there.
endless(app, { https: certificate(), pidFile: process.env.PID_FILE }).listen(
  Number(process.env.PORT ?? 8_443),
)
