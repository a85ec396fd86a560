// The other end of each peer range.
import { wayOfARequest } from './contract/index.js'

wayOfARequest({ name: 'Express 4.18', env: { FRAMEWORK: 'express', EXPRESS: 'express-4-first' } })
wayOfARequest({ name: 'Koa 2.13', env: { FRAMEWORK: 'koa', KOA: 'koa-2-first' }, http2: true })
wayOfARequest({
  name: 'Fastify 5.0',
  env: { FRAMEWORK: 'fastify', FASTIFY: 'fastify-5-first' },
  http2: true,
  listenRejects: true,
})
