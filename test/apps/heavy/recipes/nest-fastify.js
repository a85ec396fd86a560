// nest-fastify.js
import endless from '@endlessjs/fastify'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { AppModule } from './app.module.js'

const app = await NestFactory.create(AppModule, new FastifyAdapter())

// Without enableShutdownHooks(): Nest's shutdown hooks run here, when the last request is answered.
await app.register(endless, { onExit: () => app.close() })
await app.listen(process.env.PORT ?? 8000)
