// hono.js
import { setTimeout as delay } from 'node:timers/promises'
import { upgrader } from '@endlessjs/core'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'

const app = new Hono()
app.get('/', (c) => c.text(`hello from ${process.pid}\n`))
app.get('/slow', async (c) => {
  await delay(300)
  return c.text('done\n')
})

// serve() would listen at once; createAdaptorServer() leaves that to us.
const up = upgrader()
up.listen(createAdaptorServer({ fetch: app.fetch }), process.env.PORT ?? 8000)
await up.ready()
