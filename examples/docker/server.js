// An app that knows nothing of endless: the image starts it with `endless start`.
import { createServer } from 'node:http'

const server = createServer((_request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ pid: process.pid }))
})
server.listen(Number(process.env.PORT ?? 8_000))
