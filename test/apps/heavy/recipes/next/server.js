// next/server.js
import { createServer } from 'node:http'
import { upgrader } from '@endlessjs/core'
import next from 'next'

const app = next({ dev: false })
await app.prepare()

// What after() has begun is done when close() settles.
const up = upgrader({ onExit: () => app.close() })
up.listen(createServer(app.getRequestHandler()), process.env.PORT ?? 8000)
await up.ready()
