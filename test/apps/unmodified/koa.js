import { setTimeout as delay } from 'node:timers/promises'
import Koa from 'koa'

const app = new Koa()
app.use(async (ctx) => {
  if (ctx.path === '/slow') await delay(300)
  ctx.body = `hello from ${process.pid}\n`
})
app.listen(process.env.PORT ?? 8000)
