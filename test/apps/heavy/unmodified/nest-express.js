import { NestFactory } from '@nestjs/core'
import { AppModule } from '../recipes/app.module.js'

const app = await NestFactory.create(AppModule)
await app.listen(process.env.PORT ?? 8000)
