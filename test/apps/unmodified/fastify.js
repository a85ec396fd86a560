import { setTimeout as delay } from 'node:timers/promises'
import Fastify from 'fastify'

const fastify = Fastify()
fastify.get('/', () => `hello from ${process.pid}\n`)
fastify.get('/slow', async () => {
  await delay(300)
  return 'done\n'
})
// Without a host: one server for 127.0.0.1, and a further one for ::1.
await fastify.listen({ port: Number(process.env.PORT ?? 8000) })
