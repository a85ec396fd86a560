// nest-express.js
import { upgrader } from '@endlessjs/core'
import { NestFactory } from '@nestjs/core'
import { AppModule } from './app.module.js'

const app = await NestFactory.create(AppModule)

// Without enableShutdownHooks(): Nest's shutdown hooks run here, when the last request is answered.
const up = upgrader({ onExit: () => app.close() })
up.attach(app.getHttpServer())
await app.listen(process.env.PORT ?? 8000)
await up.ready()
