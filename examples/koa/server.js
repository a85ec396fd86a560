// A Koa app that is upgraded without losing a request: `kill -1 <pid>`.
import { setTimeout as delay } from 'node:timers/promises'
import { endless } from '@endlessjs/koa'
import Koa from 'koa'

const app = new Koa()

// GET /health says 503 from a final stop on, so that a load balancer looks elsewhere.
app.use(endless.health())

app.use(async (ctx) => {
  // A request that is still being answered when the upgrade comes: this process stays for it.
  if (ctx.path === '/slow') await delay(Number(ctx.query.ms ?? 5_000))
  ctx.body = { pid: process.pid, uptime: process.uptime() }
})

// This is all there is to it. It returns the http.Server, as app.listen() of Koa does.
endless(app, {
  // Always names the newest process that serves: `kill -1 $(cat app.pid)`.
  pidFile: process.env.PID_FILE,
  // How long the old process may take over the requests it still has.
  hammerTime: 30_000,
}).listen(Number(process.env.PORT ?? 8_000))
