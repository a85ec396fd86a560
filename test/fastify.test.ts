import { contract } from './contract/index.js'

contract({
  name: 'Fastify 5',
  env: { FRAMEWORK: 'fastify', FASTIFY: 'fastify' },
  http2: true,
  listenRejects: true,
})
