// What a framework has a hand in, under `endless start`: see supervised.test.ts for the rest.
import { wayOfARequest } from './contract/index.js'

wayOfARequest({
  name: 'Express 5 under endless start',
  env: { FRAMEWORK: 'express', EXPRESS: 'express' },
  supervised: true,
})
wayOfARequest({
  name: 'Koa 3 under endless start',
  env: { FRAMEWORK: 'koa', KOA: 'koa' },
  http2: true,
  supervised: true,
})
wayOfARequest({
  name: 'Fastify 5 under endless start',
  env: { FRAMEWORK: 'fastify', FASTIFY: 'fastify' },
  http2: true,
  listenRejects: true,
  supervised: true,
})
