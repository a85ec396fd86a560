// What endless start runs. All it knows of endless is /health, which says 503 from the moment on in which a stop begins.
import { createServer } from 'node:http'
import { healthOf } from '@endlessjs/core'

const server = createServer((request, response) => {
  response.setHeader('content-type', 'application/json')
  if (request.url === '/health') {
    const { code, body } = healthOf()
    response.statusCode = code
    response.end(JSON.stringify(body))
    return
  }
  response.end(JSON.stringify({ pid: process.pid }))
})
server.listen(Number(process.env.PORT ?? 8_000))
