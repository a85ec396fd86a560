// HTTP/2 with Koa, and HTTP/1.1 on the same port for clients that do not speak it.
import { setTimeout as delay } from 'node:timers/promises'
import { endless } from '@endlessjs/koa'
import Koa from 'koa'
// Your own would be { key: readFileSync('…'), cert: readFileSync('…') }.
import { certificate } from '../certificate.js'

const app = new Koa()

app.use(async (ctx) => {
  // A stream that is still open when the upgrade comes: this process stays for it.
  if (ctx.path === '/slow') await delay(Number(ctx.query.ms ?? 5_000))
  ctx.body = { pid: process.pid, http: ctx.req.httpVersion }
})

// The options of http2.createSecureServer. When this process drains, a session is told by GOAWAY to
// open no further stream here; those that are open finish, and the client connects to the successor.
endless(app, {
  http2: { ...certificate(), allowHTTP1: true },
  pidFile: process.env.PID_FILE,
}).listen(Number(process.env.PORT ?? 8_443))
