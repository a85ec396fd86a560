import { setTimeout as delay } from 'node:timers/promises'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'

const app = new Hono()
app.get('/', (c) => c.text(`hello from ${process.pid}\n`))
app.get('/slow', async (c) => {
  await delay(300)
  return c.text('done\n')
})
serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 8000) })
