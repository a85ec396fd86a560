// A Fastify app that is upgraded without losing a request: `kill -1 <pid>`.
import { setTimeout as delay } from 'node:timers/promises'
import { endless } from '@endlessjs/fastify'
import Fastify from 'fastify'

const fastify = Fastify({ logger: true })

// A plugin, and Fastify's own listen(): every listener of this instance takes part in upgrades.
// The log lines about them go to Fastify's logger.
await fastify.register(endless, {
  // Always names the newest process that serves: `kill -1 $(cat app.pid)`.
  pidFile: process.env.PID_FILE,
  // How long the old process may take over the requests it still has.
  hammerTime: 30_000,
})

// GET /health says 503 from a final stop on, so that a load balancer looks elsewhere.
fastify.register(endless.health())

fastify.get('/', async () => ({ pid: process.pid, uptime: process.uptime() }))

// A request that is still being answered when the upgrade comes: this process stays for it.
fastify.get('/slow', async (request) => {
  await delay(Number(request.query.ms ?? 5_000))
  return { pid: process.pid }
})

// fastify.endless is the upgrader: state, generation, upgrade(), hook(), drainSignal.
fastify.get('/status', async () => fastify.endless.status())

// Runs once the drain has ended: no request needs the database any more.
fastify.addHook('onClose', async () => fastify.log.info('closing the database'))

await fastify.listen({ port: Number(process.env.PORT ?? 8_000), host: '::' })
