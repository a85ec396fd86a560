import { endless } from '@endlessjs/fastify'
import Fastify from 'fastify'

async function listen(answer, plugins) {
  const fastify = Fastify()
  fastify.get('/', async () => answer())
  for (const plugin of plugins) await fastify.register(plugin)
  await fastify.listen({ port: 0, host: '127.0.0.1' })
  return fastify.server
}

export const bare = (answer) => listen(answer, [])
export const ours = (answer) => listen(answer, [endless])
